package artifacts_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	artifactregistry "cloud.google.com/go/artifactregistry/apiv1"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

const (
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
	parent        = "projects/acme-demo/locations/europe-west1"
	garHost       = "europe-west1-docker.pkg.dev"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a front with Artifact Registry and Docker Hub behind it.
type world struct {
	*front.Front
	iam *iam.IAM
	api *artifacts.Service
}

func start(t testing.TB, dir string, o artifacts.Options) *world {
	t.Helper()
	k, err := iam.New(iam.Options{Dir: dir})
	check(t, err)
	check(t, k.Enable("acme-demo", "artifactregistry.googleapis.com"))
	f, err := front.New(front.Options{Journal: k.Journal()})
	check(t, err)
	store, err := registry.Open(dir, k.Now)
	check(t, err)
	o.Dir, o.Store = dir, store
	api, err := artifacts.New(k, o)
	check(t, err)
	reg, err := registry.New(k, registry.Options{Store: store, Repositories: api})
	check(t, err)
	for _, s := range []interface {
		Handlers() (map[string]http.Handler, error)
	}{api, reg} {
		hosts, err := s.Handlers()
		check(t, err)
		for host, h := range hosts {
			f.Handle(host, h)
		}
	}
	check(t, f.Start(context.Background()))
	t.Cleanup(func() {
		api.Close()
		f.Close()
		store.Close()
	})
	return &world{f, k, api}
}

func (w *world) transport() *http.Transport {
	proxy, _ := url.Parse(w.ProxyURL())
	return &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.Pool()}, ForceAttemptHTTP2: true}
}

type signedIn struct {
	http.RoundTripper
	token string
}

func (s signedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.token)
	return s.RoundTripper.RoundTrip(r)
}

func (w *world) token(who string) string {
	token, _ := w.iam.Mint("user:"+who, []string{cloudPlatform}, time.Hour)
	return token
}

// client is Google's own, over REST.
func (w *world) client(t testing.TB, who string) *artifactregistry.Client {
	t.Helper()
	c, err := artifactregistry.NewRESTClient(context.Background(), option.WithHTTPClient(&http.Client{Transport: signedIn{w.transport(), w.token(who)}}))
	check(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// overGRPC is the same, over gRPC.
func (w *world) overGRPC(t testing.TB, who string) *artifactregistry.Client {
	t.Helper()
	c, err := artifactregistry.NewClient(context.Background(), option.WithGRPCConn(w.conn(t, grpc.WithPerRPCCredentials(bearer(w.token(who))))))
	check(t, err)
	return c
}

type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }

// conn is a gRPC connection through the proxy.
func (w *world) conn(t testing.TB, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(w.ProxyURL(), "http://"))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
		_, err = http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		return conn, err
	}
	c, err := grpc.NewClient("passthrough:///"+artifacts.Host+":443", append(opts, grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: w.Pool(), ServerName: artifacts.Host})))...)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func (w *world) crane(who string) []crane.Option {
	return []crane.Option{crane.WithTransport(w.transport()), crane.WithAuthFromKeychain(keychain{w, who})}
}

type keychain struct {
	w   *world
	who string
}

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() != garHost {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: "_token", Password: k.w.token(k.who)}), nil
}
