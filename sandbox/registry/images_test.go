package registry_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	cmutate "github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

// TestCosign attaches signatures as cosign does, with its own code, and reads them back.
func TestCosign(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	image := containers + "/nginx"
	check(t, crane.Copy("nginx:alpine", image+":v1", w.crane(iam.Owner)...))
	digest, err := crane.Digest(image+":v1", w.crane(iam.Owner)...)
	check(t, err)
	ref, err := name.NewDigest(image + "@" + digest)
	check(t, err)
	opts := []ociremote.Option{ociremote.WithRemoteOptions(w.remote(iam.Owner)...)}
	sign := func(text string) {
		t.Helper()
		entity, err := ociremote.SignedEntity(ref, opts...)
		check(t, err)
		sig, err := static.NewSignature([]byte(text), "c2lnbmF0dXJl")
		check(t, err)
		signed, err := cmutate.AttachSignatureToEntity(entity, sig)
		check(t, err)
		check(t, ociremote.WriteSignatures(ref.Repository, signed, opts...))
	}
	count := func() int {
		t.Helper()
		entity, err := ociremote.SignedEntity(ref, opts...)
		check(t, err)
		sigs, err := entity.Signatures()
		check(t, err)
		all, err := sigs.Get()
		check(t, err)
		return len(all)
	}
	if n := count(); n != 0 {
		t.Errorf("%d signatures before the first", n)
	}
	sign("one")
	sign("two")
	if n := count(); n != 2 {
		t.Errorf("%d signatures, want 2", n)
	}
	tags, err := crane.ListTags(image, w.crane(iam.Owner)...)
	check(t, err)
	if want := strings.Replace(digest, ":", "-", 1) + ".sig"; !slices.Contains(tags, want) {
		t.Errorf("tags %v, want %s", tags, want)
	}
}

// TestReferrers: an image that refers to another is found by it.
func TestReferrers(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	check(t, crane.Copy("hello-world", containers+"/hello:v1", w.crane(iam.Owner)...))
	subject, err := remote.Head(name.MustParseReference(containers+"/hello:v1"), w.remote(iam.Owner)...)
	check(t, err)
	repo, _ := name.NewRepository(containers + "/hello")
	for _, kind := range []string{"application/vnd.example.sbom", "application/vnd.example.scan"} {
		img := mutate.Annotations(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.MediaType(kind)), map[string]string{"of": kind}).(v1.Image)
		img = mutate.Subject(img, *subject).(v1.Image)
		digest, err := img.Digest()
		check(t, err)
		check(t, remote.Write(repo.Digest(digest.String()), img, w.remote(iam.Owner)...))
	}
	index, err := remote.Referrers(repo.Digest(subject.Digest.String()), w.remote(iam.Viewer)...)
	check(t, err)
	m, err := index.IndexManifest()
	check(t, err)
	if len(m.Manifests) != 2 || m.Manifests[0].Annotations["of"] != "application/vnd.example.sbom" {
		t.Errorf("referrers: %+v", m.Manifests)
	}
	resp, text := w.ask(t, "GET", "https://"+garHost+"/v2/"+project+"/containers/hello/referrers/"+subject.Digest.String()+"?artifactType=application/vnd.example.scan", w.bearer(iam.Viewer), "", "")
	var one struct {
		Manifests []struct{ ArtifactType string }
	}
	check(t, json.Unmarshal([]byte(text), &one))
	if len(one.Manifests) != 1 || one.Manifests[0].ArtifactType != "application/vnd.example.scan" || resp.Header.Get("OCI-Filters-Applied") != "artifactType" {
		t.Errorf("filtered: %s", text)
	}
	if tags, _ := crane.ListTags(containers+"/hello", w.crane(iam.Owner)...); len(tags) != 1 {
		t.Errorf("the client fell back to tags: %v", tags)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	image := containers + "/hello"
	check(t, crane.Copy("hello-world", image+":v1", w.crane(iam.Owner)...))
	check(t, crane.Tag(image+":v1", "v2", w.crane(iam.Owner)...))
	digest, err := crane.Digest(image+":v1", w.crane(iam.Owner)...)
	check(t, err)
	amd64, err := crane.Digest(image+":v1", append(w.crane(iam.Owner), crane.WithPlatform(&v1.Platform{OS: "linux", Architecture: "amd64"}))...)
	check(t, err)
	for _, c := range []struct{ reference, want string }{
		{image + "@" + digest, "GOOGLE_MANIFEST_DANGLING_TAG: Manifest is still referenced by tag: v"},
		{image + "@" + amd64, "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE: Manifest is still referenced by one or more parent images"},
		{image + ":v1", ""}, {image + ":v1", `MANIFEST_UNKNOWN: Failed to fetch "v1"`}, {image + ":v2", ""},
		{image + "@" + digest, ""}, {image + "@" + amd64, ""},
	} {
		err := crane.Delete(c.reference, w.crane(iam.Owner)...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("delete %s: %v, want %q", c.reference, err, c.want)
		}
	}
	if left := w.store.Packages(resource); len(left) != 1 || len(left[0].Versions) != 3 {
		t.Errorf("left: %+v", left)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	check(t, crane.Copy("hello-world", containers+"/hello:a", w.crane(iam.Owner)...))
	for _, tag := range []string{"b", "c", "d", "e"} {
		check(t, crane.Tag(containers+"/hello:a", tag, w.crane(iam.Owner)...))
	}
	repo, _ := name.NewRepository(containers + "/hello")
	tags, err := remote.List(repo, append(w.remote(iam.Owner), remote.WithPageSize(2))...)
	if err != nil || !slices.Equal(tags, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("in pages: %v, %v", tags, err)
	}
	resp, text := w.ask(t, "GET", "https://"+garHost+"/v2/"+project+"/containers/tags/list", w.bearer(iam.Owner), "", "")
	if resp.StatusCode != 200 || !strings.Contains(text, `"child":["hello"]`) {
		t.Errorf("images of a repository: %d %s", resp.StatusCode, text)
	}
}

// TestHub: an anonymous client's limit, and what is no registry.
func TestHub(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{PullLimit: true})
	if a, b := digests(t, w, "nginx:latest"), digests(t, start(t, "", registry.Options{}), "nginx:latest"); a != b {
		t.Errorf("two sandboxes have %s and %s", a, b)
	}
	err := crane.Copy("hello-world", "docker.io/library/nginx:mine", start(t, "", registry.Options{}).crane("")...)
	var e *transport.Error
	if !errors.As(err, &e) || e.StatusCode != 401 {
		t.Errorf("a push to Docker Hub: %v", err)
	}
	_, text := w.ask(t, "GET", "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/nginx:pull", "", "", "")
	var token struct{ Token string }
	check(t, json.Unmarshal([]byte(text), &token))
	get := func(method, path string) *http.Response {
		resp, _ := w.ask(t, method, "https://registry-1.docker.io/v2/"+path, "Bearer "+token.Token, "", "")
		return resp
	}
	resp := get("HEAD", "library/nginx/manifests/latest")
	if resp.StatusCode != 200 || resp.Header.Get("Ratelimit-Limit") != "100;w=21600" || resp.Header.Get("Ratelimit-Remaining") != "100;w=21600" {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
	for range 100 {
		resp = get("GET", "library/nginx/manifests/latest")
	}
	if resp.StatusCode != 200 || resp.Header.Get("Ratelimit-Remaining") != "0;w=21600" {
		t.Errorf("the hundredth pull: %d %v", resp.StatusCode, resp.Header)
	}
	if resp = get("GET", "library/nginx/manifests/latest"); resp.StatusCode != 429 {
		t.Errorf("one more: %d", resp.StatusCode)
	}
	if resp = get("GET", "library/busybox/manifests/latest"); resp.StatusCode != 401 || !strings.Contains(resp.Header.Get("Www-Authenticate"), `scope="repository:library/busybox:pull",error="insufficient_scope"`) {
		t.Errorf("another repository: %d %v", resp.StatusCode, resp.Header)
	}
	client := &http.Client{Transport: w.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	moved, err := client.Get("https://docker.io/library/nginx")
	check(t, err)
	moved.Body.Close()
	if moved.StatusCode != 301 || moved.Header.Get("Location") != "https://www.docker.com/library/nginx" {
		t.Errorf("docker.io: %d %v", moved.StatusCode, moved.Header)
	}
}

func digests(t testing.TB, w *world, image string) string {
	t.Helper()
	d, err := crane.Digest(image, w.crane("")...)
	check(t, err)
	return d
}

func BenchmarkPullManifest(b *testing.B) {
	w := start(b, "", registry.Options{})
	check(b, crane.Copy("hello-world", containers+"/hello:v1", w.crane(iam.Owner)...))
	p, err := remote.NewPuller(w.remote(iam.Owner)...)
	check(b, err)
	ref := name.MustParseReference(containers + "/hello:v1")
	for b.Loop() {
		if _, err := p.Get(b.Context(), ref); err != nil {
			b.Fatal(err)
		}
	}
}
