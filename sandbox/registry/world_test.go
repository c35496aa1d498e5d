package registry_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
	"github.com/signgate/signgate/sandbox/registry"
)

const (
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
	project       = "acme-demo"
	location      = "northamerica-northeast1"
	garHost       = location + "-docker.pkg.dev"
	containers    = garHost + "/" + project + "/containers"
	resource      = "projects/" + project + "/locations/" + location + "/repositories/containers"
)

// world is a front with IAM, Artifact Registry and the registries behind it.
type world struct {
	*front.Front
	iam     *iam.IAM
	journal *journal.Journal
	api     *artifacts.Service
	store   *registry.Store
	client  *http.Client
}

type served interface {
	Handlers() (map[string]http.Handler, error)
	Close() error
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start makes a world with the repository "containers" in it.
func start(t testing.TB, dir string, o registry.Options) *world {
	t.Helper()
	j, err := journal.Open("")
	check(t, err)
	k, err := iam.New(iam.Options{Journal: j, Dir: dir})
	check(t, err)
	check(t, k.Enable(project, "artifactregistry.googleapis.com"))
	f, err := front.New(front.Options{Journal: j})
	check(t, err)
	store, err := registry.Open(dir, k.Now)
	check(t, err)
	api, err := artifacts.New(k, artifacts.Options{Dir: dir, Store: store})
	check(t, err)
	o.Store, o.Repositories = store, api
	reg, err := registry.New(k, o)
	check(t, err)
	for _, s := range []served{api, reg} {
		hosts, err := s.Handlers()
		check(t, err)
		for host, h := range hosts {
			f.Handle(host, h)
		}
		t.Cleanup(func() { s.Close() })
	}
	check(t, f.Start(context.Background()))
	t.Cleanup(func() {
		f.Close()
		store.Close()
	})
	w := &world{Front: f, iam: k, journal: j, api: api, store: store}
	w.client = &http.Client{Transport: w.transport()}
	w.create(t, "containers", false)
	return w
}

func (w *world) create(t testing.TB, id string, fixed bool) {
	t.Helper()
	if _, ok := w.api.Repository("projects/" + project + "/locations/" + location + "/repositories/" + id); ok {
		return
	}
	_, err := w.api.CreateRepository(context.Background(), &artifactregistrypb.CreateRepositoryRequest{
		Parent: "projects/" + project + "/locations/" + location, RepositoryId: id,
		Repository: &artifactregistrypb.Repository{Format: artifactregistrypb.Repository_DOCKER, FormatConfig: &artifactregistrypb.Repository_DockerConfig{
			DockerConfig: &artifactregistrypb.Repository_DockerRepositoryConfig{ImmutableTags: fixed}}},
	})
	check(t, err)
}

func (w *world) transport() *http.Transport {
	proxy, _ := url.Parse(w.ProxyURL())
	return &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.Pool()}, ForceAttemptHTTP2: true}
}

func (w *world) token(who string) string {
	token, _ := w.iam.Mint("user:"+who, []string{cloudPlatform}, time.Hour)
	return token
}

// as signs in for Artifact Registry and stays anonymous elsewhere; "" is nobody.
func (w *world) as(who string) authn.Keychain { return keychain{w, who} }

type keychain struct {
	w   *world
	who string
}

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if k.who == "" || r.RegistryStr() != garHost {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: "oauth2accesstoken", Password: k.w.token(k.who)}), nil
}

func (w *world) crane(who string) []crane.Option {
	return []crane.Option{crane.WithTransport(w.transport()), crane.WithAuthFromKeychain(w.as(who))}
}

func (w *world) remote(who string) []remote.Option {
	return []remote.Option{remote.WithTransport(w.transport()), remote.WithAuthFromKeychain(w.as(who))}
}
