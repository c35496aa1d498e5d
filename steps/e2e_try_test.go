package steps_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/steps"
)

// try asks about images without running any.
func (s *setup) try(t *testing.T) {
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	for _, c := range []struct{ name, image, actual, reason string }{
		{"signed", b.ref(steps.PinImageDigest), engine.Admitted, steps.ReasonSigned},
		{"signed, by its tag", b.n.ImageName() + ":" + b.n.ImageTag(), engine.Admitted, steps.ReasonSigned},
		{"not signed", b.ref(steps.PinUnsignedDigest), engine.Denied, steps.ReasonUnsigned},
		{"by another key", b.ref(steps.PinWrongKeyDigest), engine.Denied, steps.ReasonWrongKey},
		{"no policy", "nginx", engine.Denied, steps.ReasonNoPolicy},
		{"signed in the bundle format alone", b.bundled(t), engine.Denied, steps.ReasonBundle},
		{"no such tag", b.n.ImageName() + ":no-such-tag", engine.Denied, steps.ReasonMissing},
		{"no such digest", b.n.ImageName() + "@sha256:" + strings.Repeat("0", 64), engine.Denied, steps.ReasonMissing},
		{"no such public image", "nginx:no-such-tag", engine.Denied, steps.ReasonMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := steps.Try(t.Context(), s.answers, s.clients, c.image)
			if err != nil {
				t.Fatal(explained(err))
			}
			if v.Actual != c.actual || v.Reason != c.reason || v.Message == "" || v.OK != (c.actual == engine.Admitted) {
				t.Errorf("got %+v, want %s because %s", v, c.actual, c.reason)
			}
		})
	}
	if _, err := steps.Try(t.Context(), s.answers, s.clients, "no image!"); err == nil {
		t.Error("what is no image was tried")
	}
	t.Run("the registry does not answer", func(t *testing.T) {
		_, err := s.Faults().Add(fault.Fault{Target: "GET *-docker.pkg.dev/v2/*/manifests/*", Code: "UNAVAILABLE"})
		must(t, err)
		defer s.Faults().Clear()
		b.tried(t, b.ref(steps.PinImageDigest), steps.ReasonUnreachable, "")
	})
	t.Run("the policy is gone", func(t *testing.T) {
		b.deletePolicy(t)
		until(t, "the webhook knows", func(ctx context.Context) (bool, error) {
			v, err := steps.Try(ctx, s.answers, s.clients, b.ref(steps.PinImageDigest))
			return v.Actual == engine.Denied, err
		})
		b.tried(t, b.ref(steps.PinImageDigest), steps.ReasonPolicyBroken, "is gone")
		s.mustRun(t, "policy")
	})
	t.Run("the policy cannot read its key", func(t *testing.T) {
		b.revokeKMS(t)
		until(t, "the webhook knows", func(ctx context.Context) (bool, error) {
			v, err := steps.Try(ctx, s.answers, s.clients, b.ref(steps.PinImageDigest))
			return v.Actual == engine.Denied, err
		})
		b.tried(t, b.ref(steps.PinImageDigest), steps.ReasonPolicyBroken, "cloudkms.cryptoKeys.get")
		s.mustRun(t, "identity")
		s.mustRun(t, "policy")
		s.mustRun(t, "proof")
	})
}

// tried asks about an image that must be refused for this reason, in words of its own, with a way out.
func (b saboteur) tried(t *testing.T, image, reason, words string) {
	t.Helper()
	v, err := steps.Try(t.Context(), b.answers, b.clients, image)
	if err != nil {
		t.Fatal(explained(err))
	}
	if v.Actual != engine.Denied || v.Reason != reason || !strings.Contains(v.Message, words) || v.Fix == "" {
		t.Errorf("got %+v, want it refused because %s, with %q", v, reason, words)
	}
	if _, ok := problem.Explain(v.Reason); !ok {
		t.Errorf("signgate explain %s explains nothing", v.Reason)
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
