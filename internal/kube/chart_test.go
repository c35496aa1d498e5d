package kube_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/signgate/signgate/internal/kube"
)

// archive makes a chart of one template.
func archive(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	for name, text := range map[string]string{
		"gate/Chart.yaml":          "apiVersion: v2\nname: gate\nversion: 1.2.3\n",
		"gate/values.yaml":         "replicas: 1\n",
		"gate/templates/some.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: some\n",
	} {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(files, text)
	}
	if err := errors.Join(files.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// repository serves an index at /charts and the archive somewhere else, as Sigstore's does.
func repository(t *testing.T, data []byte) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/charts/index.yaml", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "apiVersion: v1\nentries:\n  gate:\n  - version: 1.2.4\n    urls: [nowhere.tgz]\n  - version: 1.2.3\n    digest: not asked\n    urls: [/releases/gate-1.2.3.tgz]\n")
	})
	mux.HandleFunc("/releases/gate-1.2.3.tgz", func(w http.ResponseWriter, r *http.Request) { w.Write(data) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/charts"
}

func TestChartIsThePinnedOne(t *testing.T) {
	data := archive(t)
	sum := sha256.Sum256(data)
	// A file of the chart's name where the program runs must not be taken for it.
	t.Chdir(t.TempDir())
	if err := os.WriteFile("gate", []byte("a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "sha256:"} {
		c := kube.Chart{Repo: repository(t, data), Name: "gate", Version: "1.2.3", Digest: prefix + hex.EncodeToString(sum[:])}
		got, err := c.Fetch(t.Context(), http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		if got.Metadata.Version != "1.2.3" || len(got.Templates) != 1 {
			t.Errorf("got %v with %d templates", got.Metadata, len(got.Templates))
		}
	}
}

func TestChartThatDiffersIsRefused(t *testing.T) {
	data := archive(t)
	sum := sha256.Sum256(data)
	changed := append(bytes.Clone(data), 0)
	c := kube.Chart{Repo: repository(t, changed), Name: "gate", Version: "1.2.3", Digest: hex.EncodeToString(sum[:])}
	_, err := c.Fetch(t.Context(), http.DefaultTransport)
	var differs *kube.DigestError
	if !errors.As(err, &differs) || differs.Want != c.Digest || differs.Got == differs.Want {
		t.Fatalf("got %v, want a DigestError", err)
	}
	for what, c := range map[string]kube.Chart{
		"no digest":       {Repo: repository(t, data), Name: "gate", Version: "1.2.3"},
		"another version": {Repo: repository(t, data), Name: "gate", Version: "9"},
		"another chart":   {Repo: repository(t, data), Name: "fence", Version: "1.2.3"},
		"no archive":      {Repo: repository(t, data), Name: "gate", Version: "1.2.4"},
		"no repository":   {Repo: repository(t, data) + "/nope", Name: "gate", Version: "1.2.3"},
	} {
		if _, err := c.Fetch(t.Context(), http.DefaultTransport); err == nil || !strings.Contains(err.Error(), c.Name) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
