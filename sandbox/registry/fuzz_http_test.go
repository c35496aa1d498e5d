package registry_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

// FuzzHTTP: whatever a client sends to a registry, a refusal has the protocol's envelope,
// no request is the sandbox's own fault, and nothing is written outside the store.
func FuzzHTTP(f *testing.F) {
	for _, seed := range []struct{ method, path, query, kind, body string }{
		{"GET", "/v2/", "", "", ""},
		{"POST", "/v2/" + project + "/containers/app/blobs/uploads/", "", "", ""},
		{"POST", "/v2/" + project + "/containers/app/blobs/uploads/", "digest=" + sha("x"), "application/octet-stream", "x"},
		{"POST", "/v2/" + project + "/containers/app/blobs/uploads/", "digest=" + sha("y"), "", "not y"},
		{"POST", "/v2/" + project + "/containers/app/blobs/uploads/", "mount=" + sha("x") + "&from=library/nginx", "", ""},
		{"PATCH", "/v2/" + project + "/containers/app/blobs/uploads/AAAAAAAAAAAAAAAAAAAAAAAAAA", "", "", "x"},
		{"PUT", "/v2/" + project + "/containers/app/manifests/v1", "", "application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"config":{"digest":"` + sha("x") + `"},"layers":[]}`},
		{"PUT", "/v2/" + project + "/containers/app/manifests/" + sha("{}"), "", "application/json", "{}"},
		{"DELETE", "/v2/" + project + "/containers/app/manifests/v1", "", "", ""},
		{"GET", "/v2/" + project + "/containers/app/tags/list", "n=-1&last=%00", "", ""},
		{"GET", "/v2/" + project + "/containers/app/referrers/" + sha("x"), "artifactType=a", "", ""},
		{"GET", "/v2/../../etc/passwd", "", "", ""},
		{"GET", "/v2/token", "scope=repository:a:pull&service=b", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.kind, seed.body)
	}
	dir := f.TempDir()
	check(f, os.Mkdir(filepath.Join(dir, "store"), 0o700))
	w := start(f, filepath.Join(dir, "store"), registry.Options{})
	reg, err := registry.New(w.iam, registry.Options{Store: w.store, Repositories: w.api})
	check(f, err)
	hosts, err := reg.Handlers()
	check(f, err)
	h, auth := hosts["*-docker.pkg.dev"], w.bearer(iam.Owner)
	f.Fuzz(func(t *testing.T, method, path, query, kind, body string) {
		u, err := url.Parse("https://" + garHost + path)
		if err != nil || u.Host != garHost || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == "" {
			t.Skip("net/http lets no such request in")
		}
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL, r.Host = method, u, u.Host
		r.URL.RawQuery = query
		r.Header.Set("Authorization", auth)
		r.Header.Set("Content-Type", kind)
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if answer.Code >= 500 {
			t.Fatalf("%d: %s", answer.Code, answer.Body)
		}
		if answer.Code >= 400 && method != http.MethodHead {
			var words struct {
				Errors []struct{ Code, Message string } `json:"errors"`
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &words); err != nil || len(words.Errors) == 0 || words.Errors[0].Code == "" {
				t.Fatalf("%d: %v: %s", answer.Code, err, answer.Body)
			}
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Fatalf("outside the store: %v", entries)
		}
	})
}
