package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
)

// Image is one that the node has: its manifest and configuration were read,
// its layers are in the registry.
type Image struct {
	Name   string    // as the pod gave it
	ID     string    // REPOSITORY@DIGEST, what imageID shows
	Digest string    // of the manifest or index the name stands for
	Size   int64     // of the layers, compressed
	Config v1.Config // entrypoint, environment, working directory

	Program string // the executable; "" for an image that is not executed
}

// Puller reads images through the sandbox's proxy as one node.
type Puller struct {
	Transport http.RoundTripper
	// Token gives the node service account's access token.
	Token func(context.Context) (string, error)
	// Program gives the executable that an image stands for, by its digest; "" if it is not executed.
	Program func(digest string) string
	Log     func(format string, args ...any)

	shelf shelf
	mu    sync.Mutex
	have  map[string]*Image
}

// newPuller takes up what the node had in the cluster's earlier lives.
func newPuller(o Options, node string, transport http.RoundTripper) *Puller {
	p := &Puller{
		Transport: transport, Token: nodeToken(o.Config.Control, o.Config.ControlToken, node), Program: o.Config.Program, Log: o.Log,
		shelf: shelf{list: o.Config.Path("images", node+".json"), programs: o.Config.Path("images", "programs")},
	}
	var err error
	if p.have, err = p.shelf.load(); err != nil {
		p.Log("node %s: %v", node, err)
	}
	return p
}

// Present gives an image that was pulled before.
func (p *Puller) Present(image string) *Image {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.have[image]
}

// Pull reads the manifest and the configuration for this platform and asks
// for each layer. The error has the registry's words.
func (p *Puller) Pull(ctx context.Context, image string, pullSecrets []corev1.Secret) (*Image, error) {
	img, err := p.pull(ctx, image, pullSecrets)
	if err != nil {
		return nil, fmt.Errorf("failed to pull and unpack image %q: %w", image, err)
	}
	if program := p.Program(img.Digest); program != "" {
		if img.Program, err = p.shelf.keep(img.Digest, program); err != nil {
			return nil, fmt.Errorf("failed to keep image %q: %w", image, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.have[image] = img
	if err := p.shelf.save(p.have); err != nil { // this life has it
		p.Log("images: %v", err)
	}
	return img, nil
}

func (p *Puller) pull(ctx context.Context, image string, pullSecrets []corev1.Secret) (*Image, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, &invalidName{err}
	}
	auth, err := p.auth(ctx, ref, pullSecrets)
	if err != nil {
		return nil, err
	}
	o := []remote.Option{
		remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(p.Transport),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}),
		remote.WithUserAgent("containerd/1.7.29"),
		remote.WithRetryBackoff(remote.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Steps: 2}),
	}
	desc, err := remote.Get(ref, o...)
	if err != nil {
		return nil, fmt.Errorf("failed to resolve image: %w", err)
	}
	img, err := desc.Image()
	if err != nil {
		return nil, fmt.Errorf("no manifest for linux/%s: %w", runtime.GOARCH, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("failed to fetch its configuration: %w", err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	out := &Image{
		Name: image, Digest: desc.Digest.String(), Config: config.Config,
		ID: ref.Context().Name() + "@" + desc.Digest.String(),
	}
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			return nil, err
		}
		out.Size += size
		if ok, err := partial.Exists(l); err != nil || !ok {
			d, _ := l.Digest()
			return nil, fmt.Errorf("failed to fetch layer %s: %w", d, errors.Join(err))
		}
	}
	return out, nil
}

// invalidName is what a kubelet calls InvalidImageName.
type invalidName struct{ error }

// auth is the node's account for Google's registries, the pod's pull secrets
// where they match, and nobody elsewhere.
func (p *Puller) auth(ctx context.Context, ref name.Reference, pullSecrets []corev1.Secret) (authn.Authenticator, error) {
	if len(pullSecrets) > 0 {
		ring, err := secrets.MakeDockerKeyring(pullSecrets, &credentialprovider.BasicDockerKeyring{})
		if err != nil {
			return nil, err
		}
		if found, ok := ring.Lookup(ref.Context().Name()); ok && len(found) > 0 {
			a := found[0].AuthConfig
			return authn.FromConfig(authn.AuthConfig{
				Username: a.Username, Password: a.Password, Auth: a.Auth,
				IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
			}), nil
		}
	}
	host := ref.Context().RegistryStr()
	if !strings.HasSuffix(host, ".pkg.dev") && host != "gcr.io" && !strings.HasSuffix(host, ".gcr.io") {
		return authn.Anonymous, nil
	}
	token, err := p.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("the node's credentials: %w", err)
	}
	return &authn.Basic{Username: "oauth2accesstoken", Password: token}, nil
}

// nodeToken asks the control server for the node's access token, as the
// node's credential provider asks the metadata server.
func nodeToken(control, bearer, node string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		url := control + "/metadata/computeMetadata/v1/instance/service-accounts/default/token"
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		req.Header.Set("Metadata-Flavor", "Google")
		req.Header.Set("X-Node", node)
		res, err := direct().Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close() //nolint:errcheck // read only
		body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return "", err
		}
		if res.StatusCode != http.StatusOK {
			return "", fmt.Errorf("metadata server: %s: %s", res.Status, strings.TrimSpace(string(body)))
		}
		var t struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal(body, &t); err != nil || t.AccessToken == "" {
			return "", errors.New("metadata server: no access token in the answer")
		}
		return t.AccessToken, nil
	}
}

// direct talks to the control server: never through a proxy.
func direct() *http.Client {
	return &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}, Timeout: 30 * time.Second}
}
