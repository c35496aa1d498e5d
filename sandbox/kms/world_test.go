package kms_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

const (
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
	place         = "projects/acme-demo/locations/northamerica-northeast1"
)

// world is Cloud KMS behind a front, with an IAM store and a clock that is moved by hand.
type world struct {
	t       testing.TB
	front   *front.Front
	iam     *iam.IAM
	service *kms.Service
	mu      sync.Mutex
	now     time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// sleep lets time go by.
func (w *world) sleep(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func start(t testing.TB, o kms.Options) *world {
	t.Helper()
	w := &world{t: t, now: time.Now()}
	var err error
	w.iam, err = iam.New(iam.Options{Clock: w.clock})
	check(t, err)
	check(t, w.iam.Enable("acme-demo", "cloudkms.googleapis.com"))
	w.service, err = kms.New(w.iam, o)
	check(t, err)
	w.front, err = front.New(front.Options{})
	check(t, err)
	handlers, err := w.service.Handlers()
	check(t, err)
	for host, h := range handlers {
		w.front.Handle(host, h)
	}
	w.front.Handle("oauth2.googleapis.com", front.OAuth(w.iam))
	check(t, w.front.Start(context.Background()))
	t.Cleanup(func() {
		check(t, w.front.Close())
		check(t, w.service.Close())
	})
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// transport goes through the front's proxy.
func (w *world) transport() *http.Transport {
	proxy, _ := url.Parse(w.front.ProxyURL())
	return &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.front.Pool()}, ForceAttemptHTTP2: true}
}

func (w *world) token(member string, scopes ...string) oauth2.TokenSource {
	if scopes == nil {
		scopes = []string{cloudPlatform}
	}
	token, _ := w.iam.Mint(member, scopes, 100*365*24*time.Hour)
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
}

// grpc is the official client, over gRPC.
func (w *world) grpc(member string, scopes ...string) *kmsapi.KeyManagementClient {
	w.t.Helper()
	c, err := kmsapi.NewKeyManagementClient(context.Background(), option.WithGRPCConn(w.dial(member, scopes...)))
	check(w.t, err)
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *world) dial(member string, scopes ...string) *grpc.ClientConn {
	w.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+kms.Host+":443",
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: w.front.Pool(), ServerName: kms.Host})),
		grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: w.token(member, scopes...)}),
		grpc.WithContextDialer(w.tunnel))
	check(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// rest is the official client, over REST, as the owner.
func (w *world) rest() *kmsapi.KeyManagementClient {
	w.t.Helper()
	hc := &http.Client{Transport: &oauth2.Transport{Source: w.token("user:" + iam.Owner), Base: w.transport()}}
	c, err := kmsapi.NewKeyManagementRESTClient(context.Background(), option.WithHTTPClient(hc))
	check(w.t, err)
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// signingKey makes the flow's key ring and key.
func (w *world) signingKey(c *kmsapi.KeyManagementClient) *kmspb.CryptoKey {
	w.t.Helper()
	_, err := c.CreateKeyRing(context.Background(), &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "cosign"})
	check(w.t, err)
	k, err := c.CreateCryptoKey(context.Background(), &kmspb.CreateCryptoKeyRequest{
		Parent: place + "/keyRings/cosign", CryptoKeyId: "cosign", CryptoKey: &kmspb.CryptoKey{
			Purpose:         kmspb.CryptoKey_ASYMMETRIC_SIGN,
			VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256},
			Labels:          map[string]string{"managed-by": "signgate"},
		}})
	check(w.t, err)
	return k
}

func locationRequest(name string) *location.GetLocationRequest {
	return &location.GetLocationRequest{Name: name}
}

func locationsRequest(name string) *location.ListLocationsRequest {
	return &location.ListLocationsRequest{Name: name}
}

func durationOf(d time.Duration) *durationpb.Duration { return durationpb.New(d) }
