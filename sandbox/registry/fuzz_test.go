package registry

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// FuzzParse: a path is a route or a refusal, and a route is well formed by the letter of
// the specification, which is written here as its regular expressions.
func FuzzParse(f *testing.F) {
	for _, path := range []string{
		"/v2/", "/v2/a/b/c/manifests/v1", "/v2/a/b/c/blobs/uploads/", "/v2/a/b/blobs/uploads/ABCDEFGHIJKLMNOPQRSTUVWXY2", "/v2/a/tags/list",
		"/v2/a__b/c.d-e/referrers/sha256:" + strings.Repeat("0", 64), "/v2/../x/manifests/latest", "/v2/_catalog", "/v2/blobs/uploads/blobs/uploads/",
	} {
		f.Add(path)
	}
	name := regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tag := regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digest := regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
	f.Fuzz(func(t *testing.T, path string) {
		r, refused := parse(path)
		if refused != nil {
			if refused.status < 400 || refused.code == "" {
				t.Fatalf("%q: %+v", path, refused)
			}
			return
		}
		if r.kind == ping || r.kind == catalog {
			return
		}
		if !name.MatchString(r.name) || strings.Contains(r.name, "..") {
			t.Fatalf("%q: name %q", path, r.name)
		}
		ok := r.reference == ""
		switch r.kind {
		case manifests:
			ok = tag.MatchString(r.reference) || digest.MatchString(r.reference)
		case blobs, referrers:
			ok = digest.MatchString(r.reference)
		case uploads:
			ok = ok || isUpload(r.reference)
		}
		if !ok {
			t.Fatalf("%q: reference %q", path, r.reference)
		}
	})
}

// FuzzManifest: what is taken for a manifest names content by sound digests only, and is
// the same when it is written and read again.
func FuzzManifest(f *testing.F) {
	sum := "sha256:" + strings.Repeat("0", 64)
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"`+ociManifest+`","config":{"mediaType":"a/b","digest":"`+sum+`","size":1},"layers":[{"mediaType":"a/b","digest":"`+sum+`","size":1}]}`), ociManifest)
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"`+sum+`","size":1}]}`), ociIndex)
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"`+dockerList+`","manifests":null}`), dockerList+"; charset=utf-8")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		d, refused := parseManifest(body, contentType)
		if refused != nil {
			return
		}
		for _, at := range d.all() {
			if !wellDigested(at.Digest) {
				t.Fatalf("digest %q", at.Digest)
			}
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, refused := parseManifest(again, d.MediaType); refused != nil {
			t.Fatalf("%s: %v", again, refused)
		}
	})
}
