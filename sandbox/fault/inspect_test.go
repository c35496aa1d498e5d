package fault_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/sandbox/front"
)

const endpoint = "203.0.113.10"

// own is a certificate of the endpoint's own.
func own(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(endpoint)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	leaf, err := x509.ParseCertificate(der)
	check(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestEndpoint meets single requests to a host behind a tunnel, while there are faults for it.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	cert := own(t)
	direct := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "unseen") }))
	direct.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	direct.StartTLS()
	t.Cleanup(direct.Close)
	var faults fault.Set
	f, err := front.New(front.Options{Faults: &faults})
	check(t, err)
	f.Inspect(func(host string) bool { return host == endpoint },
		func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", direct.Listener.Addr().String())
		},
		func(string) (*tls.Certificate, error) { return cert, nil },
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "seen") }))
	check(t, f.Start(t.Context()))
	t.Cleanup(func() { check(t, f.Close()) })
	proxy, err := url.Parse(f.ProxyURL())
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	base := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(base.CloseIdleConnections)
	client := &http.Client{Transport: base}
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := client.Get("https://" + endpoint + path)
		check(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		check(t, err)
		return resp.StatusCode, string(text)
	}
	if _, text := get("/api"); text != "unseen" {
		t.Errorf("without faults: %s", text)
	}
	_, err = faults.Add(fault.Fault{Target: "GET " + endpoint + "/apis/*", Code: "UNAVAILABLE", RetryAfter: time.Second})
	check(t, err)
	if _, text := get("/api"); text != "seen" { // on a new connection: the old one was ended
		t.Errorf("another path: %s", text)
	}
	code, text := get("/apis/apps/v1")
	var s struct {
		Kind, Reason string
		Details      struct{ RetryAfterSeconds int }
	}
	check(t, json.Unmarshal([]byte(text), &s))
	if code != 503 || s.Kind != "Status" || s.Reason != "ServiceUnavailable" || s.Details.RetryAfterSeconds != 1 {
		t.Errorf("%d %s", code, text)
	}
	// A target with a query is about that query alone.
	_, err = faults.Add(fault.Fault{Target: "GET " + endpoint + "/q?dryRun=All&x=1", Code: "ABORTED"})
	check(t, err)
	for path, want := range map[string]int{"/q?dryRun=All&x=1": 409, "/q?x=1": 200, "/q": 200} {
		if code, text := get(path); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, text, want)
		}
	}
	check(t, faults.Clear())
	base.CloseIdleConnections()
	if _, text := get("/apis/apps/v1"); text != "unseen" {
		t.Errorf("cleared: %s", text)
	}
	_, err = faults.Add(fault.Fault{Target: "CONNECT " + endpoint, Code: "UNAVAILABLE", Message: "out of order"})
	check(t, err)
	base.CloseIdleConnections()
	if _, err := client.Get("https://" + endpoint); err == nil {
		t.Error("a refused connection was opened")
	}
}
