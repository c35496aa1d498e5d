// Package image moves container images between registries, signs them with a
// key and checks their signatures: what `crane` and `cosign` do, on the same
// libraries. It knows registries and keys, and nothing of setups.
//
// Signatures are in cosign's first format: an image of its own beside the signed
// one, under the tag sha256-….sig. policy-controller reads no other for keys.
package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/oauth2"

	"github.com/signgate/signgate/internal/problem"
)

// Registries reaches registries over one network.
type Registries struct {
	HTTP http.RoundTripper
	// Tokens are shown to Google's own registries (*.pkg.dev), always: where none can
	// be had, that is an error. All others are asked without a name.
	Tokens oauth2.TokenSource
}

// session is one operation's talk with registries: it signs in to each once. It
// is not kept, because the library also keeps a sign-in that failed.
type session struct {
	*remote.Puller
	push *remote.Pusher
	base []remote.Option // for what takes neither
}

func (r Registries) open(ctx context.Context) (*session, error) {
	base := []remote.Option{remote.WithContext(ctx), remote.WithTransport(r.HTTP), remote.WithAuthFromKeychain(r)}
	pull, err := remote.NewPuller(base...)
	if err != nil {
		return nil, err
	}
	push, err := remote.NewPusher(base...)
	if err != nil {
		return nil, err
	}
	return &session{pull, push, base}, nil
}

// SignsIn says whether a repository is asked with the token.
func (r Registries) SignsIn(target authn.Resource) bool {
	return strings.HasSuffix(target.RegistryStr(), ".pkg.dev")
}

// Resolve implements authn.Keychain.
func (r Registries) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if r.SignsIn(target) {
		return bearer{r.Tokens}, nil
	}
	return authn.Anonymous, nil
}

// bearer signs in with an access token, as `gcloud auth configure-docker` has Docker do.
type bearer struct{ tokens oauth2.TokenSource }

func (b bearer) Authorization() (*authn.AuthConfig, error) {
	token, err := b.tokens.Token()
	if err != nil {
		return nil, err
	}
	return &authn.AuthConfig{Username: "oauth2accesstoken", Password: token.AccessToken}, nil
}

// Image is an image that can be pushed somewhere: its manifest is here, its layers
// are fetched when they are needed.
type Image struct {
	Digest string // "sha256:…"
	image  v1.Image
}

// Get fetches an image's manifest. Of a list of images for several platforms
// ("linux/amd64") it takes the one for this platform.
func (r Registries) Get(ctx context.Context, ref, platform string) (Image, error) {
	target, err := name.ParseReference(ref)
	if err != nil {
		return Image{}, err
	}
	want, err := v1.ParsePlatform(platform)
	if err != nil {
		return Image{}, err
	}
	s, err := r.open(ctx)
	if err != nil {
		return Image{}, err
	}
	// The reused puller brings its own sign-in, the platform comes from here.
	img, err := remote.Image(target, append(s.base, remote.Reuse(s.Puller), remote.WithPlatform(*want))...)
	if err != nil {
		return Image{}, fmt.Errorf("look up image %s: %w", ref, err)
	}
	return wrap(img)
}

func wrap(img v1.Image) (Image, error) {
	digest, err := img.Digest()
	if err != nil {
		return Image{}, err
	}
	return Image{Digest: digest.String(), image: img}, nil
}

// Labelled is the same image with one more label in its configuration: other
// digest, same layers. The same label gives the same digest again.
func (i Image) Labelled(key, value string) (Image, error) {
	have, err := i.image.ConfigFile()
	if err != nil {
		return Image{}, fmt.Errorf("read the image's configuration: %w", err)
	}
	config := have.DeepCopy()
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	config.Config.Labels[key] = value
	img, err := mutate.ConfigFile(i.image, config)
	if err != nil {
		return Image{}, fmt.Errorf("label the image: %w", err)
	}
	return wrap(img)
}

// Find gives the digest of what a reference names, "" if there is nothing.
func (r Registries) Find(ctx context.Context, ref string) (string, error) {
	target, err := name.ParseReference(ref)
	if err != nil {
		return "", err
	}
	s, err := r.open(ctx)
	if err != nil {
		return "", err
	}
	return s.find(ctx, target)
}

// Digest is Find for an image that has to be there: the problem image-not-found if it is not.
func (r Registries) Digest(ctx context.Context, ref string) (string, error) {
	found, err := r.Find(ctx, ref)
	return found, there(found, ref, err)
}

// there makes a failure of a digest that was not found.
func there(found, ref string, err error) error {
	if err == nil && found == "" {
		return problem.Raise("image-not-found", fmt.Errorf("look up image %s: the registry has no such image", ref))
	}
	return err
}

func (s *session) find(ctx context.Context, ref name.Reference) (string, error) {
	d, err := s.Head(ctx, ref)
	if absent(err) {
		return "", nil
	}
	if err == nil {
		return d.Digest.String(), nil
	}
	got, again := s.Get(ctx, ref) // an answer to HEAD has no words
	switch {
	case again == nil: // and what was wrong has passed
		return got.Digest.String(), nil
	case absent(again):
		return "", nil
	}
	return "", fmt.Errorf("look up image %s: %w", ref, again)
}

// absent says whether a registry answered that the thing is not there.
func absent(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
