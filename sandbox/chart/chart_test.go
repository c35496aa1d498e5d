package chart_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/signgate/signgate/sandbox/chart"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
	"github.com/signgate/signgate/sandbox/registry"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// program stands for the controller: an odd size, and larger than a buffer.
func program() []byte { return bytes.Repeat([]byte("policy"), 20_001) }

// built is a folder as a build leaves it; the archive is not looked into here.
func built(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	binary, archive := filepath.Join(dir, "policy-controller"), filepath.Join(dir, chart.Archive)
	check(t, os.WriteFile(binary, program(), 0o755))
	check(t, os.WriteFile(archive, []byte("an archive"), 0o644))
	img, err := chart.Describe(binary)
	check(t, err)
	sum := sha256.Sum256([]byte("an archive"))
	check(t, chart.Record{Format: 1, Digest: hex.EncodeToString(sum[:]), Image: img}.Save(archive))
	return dir
}

type nowhere struct{}

func (nowhere) Repository(string) (registry.Repository, bool) { return registry.Repository{}, false }

// serve puts a chart and its image behind a front.
func serve(t testing.TB, c *chart.Chart, j *journal.Journal) *http.Transport {
	t.Helper()
	k, err := iam.New(iam.Options{Journal: j})
	check(t, err)
	f, err := front.New(front.Options{Journal: j})
	check(t, err)
	store, err := registry.Open("", nil)
	check(t, err)
	reg, err := registry.New(k, registry.Options{Store: store, Repositories: nowhere{}, GitHub: c.Images()})
	check(t, err)
	for _, s := range []interface {
		Handlers() (map[string]http.Handler, error)
	}{c, reg} {
		hosts, err := s.Handlers()
		check(t, err)
		for host, h := range hosts {
			f.Handle(host, h)
		}
	}
	check(t, f.Start(context.Background()))
	t.Cleanup(func() {
		f.Close()
		store.Close()
	})
	proxy, _ := url.Parse(f.ProxyURL())
	return &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: f.Pool()}, ForceAttemptHTTP2: true}
}

func get(t testing.TB, transport http.RoundTripper, address string) (int, []byte) {
	t.Helper()
	resp, err := (&http.Client{Transport: transport}).Get(address)
	check(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	return resp.StatusCode, body
}

// TestRepository goes Helm's way: the index, the newest version, its URL, its digest.
func TestRepository(t *testing.T) {
	t.Parallel()
	j, err := journal.Open("")
	check(t, err)
	c := chart.Load(built(t), j)
	check(t, c.Problem())
	transport := serve(t, c, j)
	status, index := get(t, transport, "https://sigstore.github.io/helm-charts/index.yaml")
	if status != 200 {
		t.Fatalf("index: %d %s", status, index)
	}
	file := filepath.Join(t.TempDir(), "index.yaml")
	check(t, os.WriteFile(file, index, 0o600))
	parsed, err := repo.LoadIndexFile(file)
	check(t, err)
	for _, version := range []string{"0.10.6", ""} {
		entry, err := parsed.Get("policy-controller", version)
		check(t, err)
		if entry.AppVersion != "0.13.1" || entry.Digest != c.Digest() {
			t.Errorf("entry: %+v", entry)
		}
		if status, body := get(t, transport, entry.URLs[0]); status != 200 || string(body) != "an archive" {
			t.Errorf("archive: %d %s", status, body)
		}
	}
	for _, address := range []string{"https://sigstore.github.io/", "https://github.com/sigstore/policy-controller", "https://sigstore.github.io/helm-charts/other.yaml"} {
		if status, _ := get(t, transport, address); status != 404 {
			t.Errorf("%s: %d, want 404", address, status)
		}
	}
	var seen []string
	for _, call := range j.Calls() {
		seen = append(seen, call.Host+" "+call.Method+" "+call.Code)
	}
	for _, want := range []string{"sigstore.github.io GET /helm-charts/index.yaml OK", "github.com GET /sigstore/helm-charts/releases/download/policy-controller-0.10.6/policy-controller-0.10.6.tgz OK"} {
		if !strings.Contains(strings.Join(seen, "\n"), want) {
			t.Errorf("the journal has no line %q", want)
		}
	}
}

// TestImage pulls the image by its digest and finds the program in it.
func TestImage(t *testing.T) {
	t.Parallel()
	j, err := journal.Open("")
	check(t, err)
	dir := built(t)
	c := chart.Load(dir, j)
	check(t, c.Problem())
	transport := serve(t, c, j)
	for image, path := range c.Programs() {
		if path != filepath.Join(dir, "policy-controller") {
			t.Errorf("%s runs %s", image, path)
		}
		ref, err := name.ParseReference(image)
		check(t, err)
		d, err := remote.Get(ref, remote.WithTransport(transport))
		check(t, err)
		index, err := d.ImageIndex()
		check(t, err)
		check(t, validate.Index(index))
		manifest, err := index.IndexManifest()
		check(t, err)
		img, err := index.Image(manifest.Manifests[0].Digest)
		check(t, err)
		layers, err := img.Layers()
		check(t, err)
		r, err := layers[0].Uncompressed()
		check(t, err)
		data, err := io.ReadAll(r)
		check(t, err)
		if !bytes.Contains(data, program()) || len(data)%512 != 0 {
			t.Errorf("the layer has %d bytes and not the program", len(data))
		}
	}
	if len(c.Programs()) != 1 {
		t.Error("no program")
	}
	_, err = remote.Head(name.MustParseReference("ghcr.io/sigstore/other:v1"), remote.WithTransport(transport))
	if err == nil || !strings.Contains(err.Error(), "DENIED: denied") {
		t.Errorf("an image that is not there: %v", err)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(dir string) error{
		"make build makes it":          func(dir string) error { return os.Remove(filepath.Join(dir, chart.Archive)) },
		"policy-controller-chart.json": func(dir string) error { return os.Remove(filepath.Join(dir, "policy-controller-chart.json")) },
		"is damaged": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy-controller-chart.json"), []byte("{"), 0o600)
		},
		"has format 9": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy-controller-chart.json"), []byte(`{"format":9}`), 0o600)
		},
		"is not the one of its record": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, chart.Archive), []byte("another"), 0o600)
		},
		"no such file": func(dir string) error { return os.Remove(filepath.Join(dir, "policy-controller")) },
		"the chart was assembled for": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy-controller"), []byte("another"), 0o700)
		},
	} {
		dir := built(t)
		check(t, spoil(dir))
		c := chart.Load(dir, nil)
		if c.Problem() == nil || !strings.Contains(c.Problem().Error(), want) {
			t.Errorf("problem: %v, want %q", c.Problem(), want)
		}
		if c.Digest() != "" || c.Images() != nil || c.Programs() != nil {
			t.Errorf("%s, and something to install", want)
		}
	}
	j, err := journal.Open("")
	check(t, err)
	c := chart.Load("", j)
	status, body := get(t, serve(t, c, j), "https://sigstore.github.io/helm-charts/index.yaml")
	if status != 503 || !strings.Contains(string(body), "without its binaries") {
		t.Errorf("%d %s", status, body)
	}
}

// TestTouched: a copied binary has another time and is still the same.
func TestTouched(t *testing.T) {
	t.Parallel()
	dir := built(t)
	check(t, os.Chtimes(filepath.Join(dir, "policy-controller"), time.Unix(0, 0), time.Unix(0, 0)))
	check(t, chart.Load(dir, nil).Problem())
}

func ExampleLoad() {
	fmt.Println(chart.Load("", nil).Problem())
	// Output: the sandbox has no policy-controller to install: it was started without its binaries
}
