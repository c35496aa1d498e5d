package image_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"golang.org/x/oauth2"

	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/problem"
)

// world is a registry for every host there is; those of *.pkg.dev want the token "t".
type world struct {
	t        *testing.T
	server   *httptest.Server
	mu       sync.Mutex
	requests []string
	tokenErr error
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	stores := map[string]http.Handler{}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); strings.HasSuffix(r.Host, ".pkg.dev") && password != "t" {
			rw.Header().Set("WWW-Authenticate", `Basic realm="GCP Artifact Registry"`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.mu.Lock()
		w.requests = append(w.requests, r.Method+" "+r.Host+r.URL.Path)
		store, ok := stores[r.Host]
		if !ok {
			store = registry.New(registry.Logger(log.New(io.Discard, "", 0)))
			stores[r.Host] = store
		}
		w.mu.Unlock()
		store.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	clone := r.Clone(r.Context())
	clone.URL.Scheme, clone.URL.Host, clone.Host = "http", strings.TrimPrefix(w.server.URL, "http://"), r.URL.Host
	resp, err := http.DefaultTransport.RoundTrip(clone)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

func (w *world) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: "t"}, w.tokenErr }

func (w *world) registries() image.Registries { return image.Registries{HTTP: w, Tokens: w} }

// count says how many requests of a method had a path with this in it.
func (w *world) count(method, part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.requests {
		if strings.HasPrefix(r, method) && strings.Contains(r, part) {
			n++
		}
	}
	return n
}

// public puts an image for two platforms on Docker Hub, as its people do.
func (w *world) public(tag string) (amd, arm v1.Hash) {
	w.t.Helper()
	list := v1.ImageIndex(empty.Index)
	var digests []v1.Hash
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(2000, 3)
		if err != nil {
			w.t.Fatal(err)
		}
		list = mutate.AppendManifests(list, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
		d, _ := img.Digest()
		digests = append(digests, d)
	}
	ref, err := name.ParseReference(tag)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, list, remote.WithTransport(w)); err != nil {
		w.t.Fatal(err)
	}
	return digests[0], digests[1]
}

const repo = "europe-west1-docker.pkg.dev/acme-demo/containers/nginx"

// private copies the public image into the repository and returns its reference by digest.
func (w *world) private() string {
	w.t.Helper()
	w.public("nginx")
	base, err := w.registries().Get(w.t.Context(), "nginx", "linux/amd64")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.registries().Push(w.t.Context(), repo, map[string]image.Image{"latest": base}, nil); err != nil {
		w.t.Fatal(err)
	}
	return repo + "@" + base.Digest
}

func TestCopyTakesOnePlatformAsItIs(t *testing.T) {
	w := newWorld(t)
	amd, arm := w.public("nginx")
	for platform, want := range map[string]v1.Hash{"linux/amd64": amd, "linux/arm64": arm} {
		got, err := w.registries().Get(t.Context(), "nginx", platform)
		if err != nil || got.Digest != want.String() {
			t.Fatalf("%s: %s, %v, want %s", platform, got.Digest, err, want)
		}
		if err := w.registries().Push(t.Context(), repo, map[string]image.Image{"latest": got}, nil); err != nil {
			t.Fatal(err)
		}
		for _, ref := range []string{repo, repo + "@" + got.Digest} {
			if found, err := w.registries().Find(t.Context(), ref); err != nil || found != got.Digest {
				t.Errorf("%s is %s, %v", ref, found, err)
			}
		}
	}
	if _, err := w.registries().Get(t.Context(), "nginx", "linux/s390x"); err == nil || !strings.Contains(err.Error(), "no child with platform linux/s390x") {
		t.Errorf("a platform that is not there: %v", err)
	}
}

func TestVariantsShareTheLayers(t *testing.T) {
	w := newWorld(t)
	w.public("nginx")
	base, err := w.registries().Get(t.Context(), "nginx", "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	one, err := base.Labelled("dev.signgate.variant", "one")
	if err != nil {
		t.Fatal(err)
	}
	same, _ := base.Labelled("dev.signgate.variant", "one")
	two, _ := base.Labelled("dev.signgate.variant", "two")
	if one.Digest != same.Digest || one.Digest == two.Digest || one.Digest == base.Digest {
		t.Errorf("digests %s %s %s %s", base.Digest, one.Digest, same.Digest, two.Digest)
	}
	var last, total int64
	err = w.registries().Push(t.Context(), repo, map[string]image.Image{"a": base, "b": one, "c": two}, func(d, n int64) { last, total = max(last, d), max(total, n) })
	if err != nil {
		t.Fatal(err)
	}
	if last == 0 || last > total {
		t.Errorf("progress ended at %d of %d bytes", last, total)
	}
	if n := w.count("PUT", "docker.pkg.dev/v2/acme-demo/containers/nginx/blobs/uploads"); n != 3+3 {
		t.Errorf("%d blobs were uploaded, want three layers and three configurations", n)
	}
}

func TestSignOnceAndReadBack(t *testing.T) {
	w := newWorld(t)
	ref := w.private()
	key, err := image.ThrowAwayKey()
	if err != nil {
		t.Fatal(err)
	}
	if good, n, err := w.registries().Signed(t.Context(), ref, key); good || n != 0 || err != nil {
		t.Fatalf("before: %v, %d, %v", good, n, err)
	}
	if added, err := w.registries().Sign(t.Context(), ref, key, false); !added || err != nil {
		t.Fatalf("sign: %v, %v", added, err)
	}
	before := w.count("PUT", "")
	if added, err := w.registries().Sign(t.Context(), ref, key, false); added || err != nil || w.count("PUT", "") != before {
		t.Fatalf("sign again: %v, %v, %d writes", added, err, w.count("PUT", "")-before)
	}
	other, _ := image.ThrowAwayKey()
	if good, n, err := w.registries().Signed(t.Context(), ref, other); good || n != 1 || err != nil {
		t.Errorf("another key: %v, %d, %v", good, n, err)
	}
	// cosign's own way of checking finds it, where cosign looks.
	d, _ := name.NewDigest(ref)
	sigs, _, err := cosign.VerifyImageSignatures(t.Context(), d, &cosign.CheckOpts{
		SigVerifier: key, IgnoreTlog: true, ClaimVerifier: cosign.SimpleClaimVerifier,
		RegistryClientOpts: []ociremote.Option{ociremote.WithRemoteOptions(remote.WithTransport(w), remote.WithAuthFromKeychain(w.registries()))},
	})
	if err != nil || len(sigs) != 1 {
		t.Errorf("cosign verify: %d, %v", len(sigs), err)
	}
}

func TestUnsignLeavesWhatOthersSigned(t *testing.T) {
	w := newWorld(t)
	ref := w.private()
	mine, _ := image.ThrowAwayKey()
	theirs, _ := image.ThrowAwayKey()
	for _, key := range []image.Key{theirs, mine} {
		if _, err := w.registries().Sign(t.Context(), ref, key, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.registries().Unsign(t.Context(), ref, mine); err != nil {
		t.Fatal(err)
	}
	if good, _, err := w.registries().Signed(t.Context(), ref, mine); good || err != nil {
		t.Errorf("mine is still there: %v", err)
	}
	if good, n, err := w.registries().Signed(t.Context(), ref, theirs); !good || n != 1 || err != nil {
		t.Errorf("theirs: %v, %d, %v", good, n, err)
	}
	if err := w.registries().Unsign(t.Context(), ref, theirs); err != nil {
		t.Fatal(err)
	}
	_, digest, _ := strings.Cut(ref, "@")
	if found, err := w.registries().Find(t.Context(), repo+":"+image.SignatureTag(digest)); found != "" || err != nil {
		t.Errorf("an empty list of signatures is left: %s, %v", found, err)
	}
}

// A signature of another digest, moved beside this one, is no signature of it.
func TestMovedSignatureDoesNotHold(t *testing.T) {
	w := newWorld(t)
	ref := w.private()
	key, _ := image.ThrowAwayKey()
	if _, err := w.registries().Sign(t.Context(), ref, key, false); err != nil {
		t.Fatal(err)
	}
	base, err := w.registries().Get(t.Context(), ref, "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	other, _ := base.Labelled("a", "b")
	_, digest, _ := strings.Cut(ref, "@")
	sig, err := w.registries().Get(t.Context(), repo+":"+image.SignatureTag(digest), "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	err = w.registries().Push(t.Context(), repo, map[string]image.Image{"other": other, image.SignatureTag(other.Digest): sig}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if good, n, err := w.registries().Signed(t.Context(), repo+"@"+other.Digest, key); good || n != 1 || err != nil {
		t.Errorf("good %v, %d signatures, %v", good, n, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.private()
	absent := repo + "@sha256:" + strings.Repeat("0", 64)
	if found, err := w.registries().Find(t.Context(), absent); found != "" || err != nil {
		t.Errorf("find: %q, %v", found, err)
	}
	if _, err := w.registries().Get(t.Context(), "nope:never", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "NAME_UNKNOWN") {
		t.Errorf("get: %v", err)
	}
	key, _ := image.ThrowAwayKey()
	if _, err := w.registries().Sign(t.Context(), absent, key, false); problem.From(err) == nil || problem.From(err).ID != "image-not-found" {
		t.Errorf("sign: %v", err)
	}
	if err := errors.Join(w.registries().Remove(t.Context(), absent), w.registries().Unsign(t.Context(), absent, key)); err != nil {
		t.Errorf("remove: %v", err)
	}
	if n := w.count("PUT", strings.Repeat("0", 64)); n != 0 {
		t.Errorf("%d writes for what is not there", n)
	}
}

// Without a token, Google's registries are not asked as a stranger would ask.
func TestNoTokenIsAnError(t *testing.T) {
	w := newWorld(t)
	ref := w.private()
	before := len(w.requests)
	w.tokenErr = fmt.Errorf("the sign-in has expired")
	key, _ := image.ThrowAwayKey()
	_, sign := w.registries().Sign(t.Context(), ref, key, false)
	_, find := w.registries().Find(t.Context(), ref)
	for _, err := range []error{sign, find} {
		if !errors.Is(err, w.tokenErr) {
			t.Errorf("%v", err)
		}
	}
	if stranger := w.requests[before:]; slices.ContainsFunc(stranger, func(r string) bool { return strings.Contains(r, "/manifests/") }) {
		t.Errorf("asked without a token: %v", stranger)
	}
}

func TestRemoveByTagAndDigest(t *testing.T) {
	w := newWorld(t)
	ref := w.private()
	for _, r := range []string{repo + ":latest", ref, ref} {
		if err := w.registries().Remove(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := w.registries().Find(t.Context(), ref); found != "" || err != nil {
		t.Errorf("it is still there: %s, %v", found, err)
	}
}

// The log is reached over the network that was given; where it cannot be, nothing is signed half.
func TestPublicLogComesFirst(t *testing.T) {
	w := newWorld(t)
	ref := w.private()
	key, _ := image.ThrowAwayKey()
	before := w.count("PUT", "")
	_, err := w.registries().Sign(t.Context(), ref, key, true)
	if err == nil || !strings.Contains(err.Error(), "rekor.sigstore.dev") {
		t.Errorf("%v", err)
	}
	if w.count("POST", "rekor.sigstore.dev/api/v1/log/entries") == 0 {
		t.Error("the log was not asked")
	}
	if n := w.count("PUT", "") - before; n != 0 {
		t.Errorf("%d writes before the log had it", n)
	}
}
