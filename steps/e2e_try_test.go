package steps_test

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/signgate/signgate/steps"
)

// try asks about images without running any.
func (s *setup) try(t *testing.T) {
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	for _, c := range []struct{ name, image, actual, reason string }{
		{"signed", b.ref(steps.PinImageDigest), steps.Admitted, steps.ReasonSigned},
		{"signed, by its tag", b.n.ImageName() + ":" + b.n.ImageTag(), steps.Admitted, steps.ReasonSigned},
		{"not signed", b.ref(steps.PinUnsignedDigest), steps.Denied, steps.ReasonUnsigned},
		{"by another key", b.ref(steps.PinWrongKeyDigest), steps.Denied, steps.ReasonWrongKey},
		{"no policy", "nginx", steps.Denied, steps.ReasonNoPolicy},
		{"signed in the bundle format alone", b.bundled(t), steps.Denied, steps.ReasonBundle},
		{"not there", b.n.ImageName() + ":no-such-tag", steps.Denied, steps.ReasonUnresolved},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := steps.Try(t.Context(), s.answers, s.clients, c.image)
			if err != nil {
				t.Fatal(explained(err))
			}
			if v.Actual != c.actual || v.Reason != c.reason || v.Message == "" || v.OK != (c.actual == steps.Admitted) {
				t.Errorf("got %+v, want %s because %s", v, c.actual, c.reason)
			}
		})
	}
	if _, err := steps.Try(t.Context(), s.answers, s.clients, "no image!"); err == nil {
		t.Error("what is no image was tried")
	}
}

// bundled pushes an image that has nothing but what cosign 3 leaves by default: an
// artifact of the bundle type that refers to it. Its contents are never read.
func (b saboteur) bundled(t *testing.T) string {
	t.Helper()
	opts := []remote.Option{remote.WithContext(t.Context()), remote.WithTransport(b.clients.HTTP), remote.WithAuthFromKeychain(b.registries())}
	repository, err := name.NewRepository(b.n.ImageName())
	must(t, err)
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{Architecture: "amd64", OS: "linux", Config: v1.Config{Labels: map[string]string{"signed": "by cosign 3"}}})
	must(t, err)
	digest, err := img.Digest()
	must(t, err)
	must(t, remote.Write(repository.Digest(digest.String()), img, opts...))
	size, err := img.Size()
	must(t, err)
	bundle := mutate.MediaType(mutate.ConfigMediaType(empty.Image, "application/vnd.dev.sigstore.bundle.v0.3+json"), types.OCIManifestSchema1)
	refers := mutate.Subject(bundle, v1.Descriptor{MediaType: types.DockerManifestSchema2, Size: size, Digest: digest}).(v1.Image)
	own, err := refers.Digest()
	must(t, err)
	must(t, remote.Write(repository.Digest(own.String()), refers, opts...))
	return repository.Digest(digest.String()).String()
}
