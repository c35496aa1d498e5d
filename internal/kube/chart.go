package kube

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/yaml"
)

// Chart is a chart as one names it to be sure which one it is.
type Chart struct {
	Repo    string // URL of the repository
	Name    string
	Version string
	Digest  string // SHA-256 of the archive in hex, with or without "sha256:" before it
}

// DigestError says that a chart's archive is not the one that is pinned.
type DigestError struct {
	Chart     Chart
	URL       string
	Got, Want string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("chart %s %s from %s has the digest sha256:%s, not sha256:%s", e.Chart.Name, e.Chart.Version, e.URL, e.Got, e.Want)
}

// Of a repository's index and of a chart's archive no more than this is read.
const (
	maxIndex   = 32 << 20
	maxArchive = 16 << 20
)

// Fetch downloads the chart through the given network and checks its digest
// before looking into it. Helm's own way is not taken: it would prefer a file of
// the chart's name in the working directory, and prints.
func (c Chart) Fetch(ctx context.Context, network http.RoundTripper) (*chart.Chart, error) {
	client := &http.Client{Transport: network}
	fail := func(err error) (*chart.Chart, error) {
		return nil, fmt.Errorf("fetch chart %s %s from %s: %w", c.Name, c.Version, c.Repo, err)
	}
	index, err := download(ctx, client, strings.TrimSuffix(c.Repo, "/")+"/index.yaml", maxIndex)
	if err != nil {
		return fail(err)
	}
	place, err := c.locate(index)
	if err != nil {
		return fail(err)
	}
	archive, err := download(ctx, client, place, maxArchive)
	if err != nil {
		return fail(err)
	}
	sum := sha256.Sum256(archive)
	if got, want := hex.EncodeToString(sum[:]), strings.TrimPrefix(c.Digest, "sha256:"); got != want {
		return fail(&DigestError{Chart: c, URL: place, Got: got, Want: want})
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return fail(err)
	}
	return loaded, nil
}

// locate reads the archive's URL out of a repository's index. The index's own
// digest is not asked: whoever could change the archive could change it, too.
func (c Chart) locate(index []byte) (string, error) {
	var list struct {
		Entries map[string][]struct {
			Version string   `json:"version"`
			URLs    []string `json:"urls"`
		} `json:"entries"`
	}
	if err := yaml.Unmarshal(index, &list); err != nil {
		return "", fmt.Errorf("read the repository's index: %w", err)
	}
	for _, entry := range list.Entries[c.Name] {
		if entry.Version != c.Version || len(entry.URLs) == 0 {
			continue
		}
		base, err := url.Parse(strings.TrimSuffix(c.Repo, "/") + "/")
		if err != nil {
			return "", err
		}
		place, err := base.Parse(entry.URLs[0])
		if err != nil {
			return "", err
		}
		return place.String(), nil
	}
	return "", fmt.Errorf("chart %s %s not found in the repository", c.Name, c.Version)
}

func download(ctx context.Context, client *http.Client, place string, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", place, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", place, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("GET %s: it is larger than %d MiB", place, most>>20)
	}
	return data, nil
}
