package gcp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/internal/gcp"
)

// google is a token endpoint, Resource Manager and KMS behind a CONNECT proxy, each
// under its real name, noting how it was called.
type google struct {
	resourcemanagerpb.UnimplementedProjectsServer
	kmspb.UnimplementedKeyManagementServiceServer

	proxy *url.URL
	roots *x509.CertPool

	mu       sync.Mutex
	tokens   int
	grant    string // refusal of the token endpoint; "" to grant
	disabled bool   // Resource Manager is off unless a quota project is named
	seen     []metadata.MD
	hosts    []string

	reached chan string // hosts too, as they are asked for
}

func (g *google) note(ctx context.Context) metadata.MD {
	md, _ := metadata.FromIncomingContext(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, md)
	return md
}

func (g *google) GetProject(ctx context.Context, r *resourcemanagerpb.GetProjectRequest) (*resourcemanagerpb.Project, error) {
	md := g.note(ctx)
	if g.disabled && md.Get("x-goog-user-project") == nil {
		s, _ := status.New(codes.PermissionDenied, "Cloud Resource Manager API has not been used in project 764086051850 before or it is disabled.").WithDetails(
			&errdetails.ErrorInfo{Reason: "SERVICE_DISABLED", Domain: "googleapis.com", Metadata: map[string]string{"service": "cloudresourcemanager.googleapis.com", "consumer": "projects/764086051850"}})
		return nil, s.Err()
	}
	return &resourcemanagerpb.Project{Name: "projects/42", ProjectId: "acme-demo", State: resourcemanagerpb.Project_ACTIVE}, nil
}

func (g *google) GetKeyRing(ctx context.Context, r *kmspb.GetKeyRingRequest) (*kmspb.KeyRing, error) {
	g.note(ctx)
	return &kmspb.KeyRing{Name: r.GetName()}, nil
}

func (g *google) token(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens++
	w.Header().Set("Content-Type", "application/json")
	if g.grant != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, g.grant)
		return
	}
	fmt.Fprint(w, `{"access_token":"ya29.secret","token_type":"Bearer","expires_in":3600}`)
}

func start(t *testing.T) *google {
	t.Helper()
	g := &google{reached: make(chan string, 16)}
	cert, roots := certificate(t)
	g.roots = roots
	srv := grpc.NewServer()
	resourcemanagerpb.RegisterProjectsServer(srv, g)
	kmspb.RegisterKeyManagementServiceServer(srv, g)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			srv.ServeHTTP(w, r)
			return
		}
		g.token(w, r)
	}))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)

	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.tunnel(w, r, front.Listener.Addr().String()) }))
	t.Cleanup(proxy.Close)
	g.proxy, _ = url.Parse(proxy.URL)
	return g
}

func (g *google) tunnel(w http.ResponseWriter, r *http.Request, to string) {
	g.mu.Lock()
	g.hosts = append(g.hosts, r.Host)
	g.mu.Unlock()
	g.reached <- r.Host
	client, buffered, _ := w.(http.Hijacker).Hijack()
	defer client.Close()
	if !strings.HasSuffix(r.Host, ".googleapis.com:443") {
		fmt.Fprint(client, "HTTP/1.1 403 no such host in this test\r\n\r\n")
		return
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(server, bufio.NewReader(buffered)); server.(*net.TCPConn).CloseWrite() }()
	io.Copy(client, server)
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"*.googleapis.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func user(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials.json")
	err := os.WriteFile(file, []byte(`{"type":"authorized_user","client_id":"id","client_secret":"s","refresh_token":"r"`+more+`}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func dial(t *testing.T, g *google, file string) *gcp.Clients {
	t.Helper()
	c, err := gcp.Dial(t.Context(), gcp.Options{Network: gcp.Network{Proxy: g.proxy, Roots: g.roots}, CredentialsFile: file, UserAgent: "signgate/test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Every client goes through the proxy by name, whatever the environment says, as
// one user agent and with one token.
func TestOneNetworkOneToken(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", ".googleapis.com")
	g := start(t)
	c := dial(t, g, user(t, ""))
	if len(g.hosts) != 0 || g.tokens != 0 {
		t.Fatalf("dialling alone asked for %v and %d tokens", g.hosts, g.tokens)
	}
	if p, err := c.GetProject(t.Context(), "acme-demo"); err != nil || p.Number != "42" || p.State != "ACTIVE" {
		t.Fatalf("project %+v, %v", p, err)
	}
	if _, err := c.KMS.GetKeyRing(t.Context(), &kmspb.GetKeyRingRequest{Name: "projects/p/locations/l/keyRings/k"}); err != nil {
		t.Fatal(err)
	}
	if want := "oauth2.googleapis.com:443 cloudresourcemanager.googleapis.com:443 cloudkms.googleapis.com:443"; strings.Join(g.hosts, " ") != want {
		t.Errorf("went to %v", g.hosts)
	}
	if g.tokens != 1 {
		t.Errorf("%d tokens for two services", g.tokens)
	}
	for _, md := range g.seen {
		if md.Get("authorization")[0] != "Bearer ya29.secret" || !strings.HasPrefix(md.Get("user-agent")[0], "signgate/test") {
			t.Errorf("called with %v", md)
		}
	}
}

// Told to connect, they do so before they are asked anything, as nobody: no token is fetched.
func TestConnectAhead(t *testing.T) {
	g := start(t)
	c := dial(t, g, user(t, ""))
	c.Connect()
	went := []string{<-g.reached, <-g.reached} // or the test hangs, and says where
	slices.Sort(went)
	if want := []string{"cloudkms.googleapis.com:443", "cloudresourcemanager.googleapis.com:443"}; !slices.Equal(went, want) {
		t.Errorf("went to %v", went)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tokens != 0 || len(g.seen) != 0 {
		t.Errorf("%d tokens, %d calls", g.tokens, len(g.seen))
	}
}

// The project that calls are counted against goes to KMS at once, to the services
// that know projects only if they cannot do without.
func TestQuotaProject(t *testing.T) {
	g := start(t)
	c := dial(t, g, user(t, `,"quota_project_id":"from-file"`))
	ring := &kmspb.GetKeyRingRequest{Name: "projects/p/locations/l/keyRings/k"}
	call := func() {
		if _, err := c.GetProject(t.Context(), "acme-demo"); err != nil {
			t.Error(err)
		}
		if _, err := c.KMS.GetKeyRing(t.Context(), ring); err != nil {
			t.Error(err)
		}
	}
	call()
	c.BillTo("acme-demo")
	g.disabled = true
	call()
	var got []string
	for _, md := range g.seen {
		got = append(got, strings.Join(md.Get("x-goog-user-project"), ","))
	}
	if want := `["" "from-file" "" "acme-demo" "acme-demo"]`; fmt.Sprintf("%q", got) != want {
		t.Errorf("counted against %q, want %s", got, want)
	}
}

func TestCredentialsErrors(t *testing.T) {
	g := start(t)
	network := gcp.Network{Proxy: g.proxy, Roots: g.roots}
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]gcp.CredentialsKind{
		filepath.Join(t.TempDir(), "nothing.json"): gcp.CredentialsMissing,
		broken: gcp.CredentialsUnusable,
	} {
		var e *gcp.CredentialsError
		if _, err := gcp.Dial(t.Context(), gcp.Options{Network: network, CredentialsFile: file}); !errors.As(err, &e) || e.Kind != want {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}

	for grant, want := range map[string]gcp.CredentialsKind{
		`{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}`: gcp.CredentialsExpired,
		`{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`:                                 gcp.CredentialsExpired,
		`{"error":"deleted_client","error_description":"The OAuth client was deleted."}`:                                     gcp.CredentialsRefused,
	} {
		g.grant = grant
		_, err := dial(t, g, user(t, "")).GetProject(t.Context(), "acme-demo")
		var e *gcp.CredentialsError
		if !errors.As(err, &e) || e.Kind != want {
			t.Errorf("%s: %v (%T), want %s", grant, err, err, want)
		}
	}
}

func TestProxyRefusal(t *testing.T) {
	g := start(t)
	c := dial(t, g, user(t, ""))
	req, _ := http.NewRequest(http.MethodGet, "https://example.com/", nil)
	if _, err := c.HTTP.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "no such host in this test") {
		t.Errorf("over HTTP: %v", err)
	}
}

func TestBilledErrorIsReadable(t *testing.T) {
	g := start(t)
	g.disabled = true
	_, err := dial(t, g, user(t, "")).GetProject(t.Context(), "acme-demo")
	off, ok := gcp.Disabled(err)
	if !ok || off.Consumer != "projects/764086051850" || off.Service != "cloudresourcemanager.googleapis.com" {
		t.Errorf("read %+v, %v from %v", off, ok, err)
	}
}
