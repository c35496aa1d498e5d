package sandbox_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"

	"golang.org/x/oauth2"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// The figures that issue 4 sets for the sandbox in process. Each has a metric of its
// own in place of ns/op; the limits are in make bench, beside the figures.

const kmsHost = "cloudkms.googleapis.com"

// BenchmarkStart is the sandbox without a cluster, from nothing to ready.
func BenchmarkStart(b *testing.B) {
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		s, err := sandbox.Start(b.Context(), sandbox.Options{})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, median(took), "ms-median")
}

// BenchmarkSign is one signature by Cloud KMS, over gRPC and TLS through the proxy.
func BenchmarkSign(b *testing.B) {
	w := newKeyed(b)
	var took []time.Duration
	for b.Loop() {
		for range 20 {
			begin := time.Now()
			w.sign(b)
			took = append(took, time.Since(begin))
		}
	}
	report(b, median(took), "ms-median")
}

// BenchmarkCalls is how many calls a second are served to several clients at once: half
// of them sign over gRPC, half read over REST.
func BenchmarkCalls(b *testing.B) {
	w := newKeyed(b)
	var calls atomic.Int64
	begin := time.Now()
	for b.Loop() {
		calls.Add(w.calls(b, 1000))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(calls.Load())/time.Since(begin).Seconds(), "calls/s")
}

// BenchmarkMemory is by how much memory grows with calls, once the journal's ring is full.
func BenchmarkMemory(b *testing.B) {
	w := newKeyed(b)
	w.calls(b, 20_000)
	before, calls := heap(), int64(0)
	for b.Loop() {
		calls += w.calls(b, 5000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(heap()-before)/1024, "KiB-more")
	b.ReportMetric(float64(calls), "calls")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds()) / 1000
}

func report(b *testing.B, value float64, unit string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(value, unit)
}

// keyed is a sandbox with a key to sign with, and clients of both kinds.
type keyed struct {
	keys    kmspb.KeyManagementServiceClient
	web     *http.Client
	version string
}

func newKeyed(b *testing.B) *keyed {
	b.Helper()
	s, err := sandbox.Start(b.Context(), sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if err := s.IAM().Enable(on, kmsHost); err != nil {
		b.Fatal(err)
	}
	token, _ := s.IAM().Mint("user:"+iam.Owner, []string{everything}, time.Hour)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
	conn, err := grpc.NewClient("passthrough:///"+kmsHost+":443",
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: s.Roots(), ServerName: kmsHost})),
		grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: source}), grpc.WithContextDialer(through(s.ProxyURL())))
	if err != nil {
		b.Fatal(err)
	}
	proxy, err := url.Parse(s.ProxyURL())
	if err != nil {
		b.Fatal(err)
	}
	base := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: s.Roots()}, MaxIdleConnsPerHost: 16}
	b.Cleanup(func() {
		_ = conn.Close()
		base.CloseIdleConnections()
	})
	w := &keyed{keys: kmspb.NewKeyManagementServiceClient(conn), web: &http.Client{Transport: &oauth2.Transport{Source: source, Base: base}}}
	w.prepare(b)
	return w
}

func (w *keyed) prepare(b *testing.B) {
	b.Helper()
	ring, err := w.keys.CreateKeyRing(b.Context(), &kmspb.CreateKeyRingRequest{Parent: "projects/" + on + "/locations/global", KeyRingId: "cosign"})
	if err != nil {
		b.Fatal(err)
	}
	key, err := w.keys.CreateCryptoKey(b.Context(), &kmspb.CreateCryptoKeyRequest{Parent: ring.GetName(), CryptoKeyId: "cosign", CryptoKey: &kmspb.CryptoKey{
		Purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}})
	if err != nil {
		b.Fatal(err)
	}
	w.version = key.GetName() + "/cryptoKeyVersions/1"
	w.sign(b)
}

// through dials by way of a proxy.
func through(proxy string) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(proxy, "http://"))
		if err != nil {
			return nil, err
		}
		if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("CONNECT: %s", resp.Status)
		}
		return conn, err
	}
}

func (w *keyed) sign(b *testing.B) {
	digest := sha256.Sum256([]byte("an image"))
	_, err := w.keys.AsymmetricSign(b.Context(), &kmspb.AsymmetricSignRequest{Name: w.version, Digest: &kmspb.Digest{Digest: &kmspb.Digest_Sha256{Sha256: digest[:]}}})
	if err != nil {
		b.Error(err)
	}
}

func (w *keyed) read(b *testing.B) {
	resp, err := w.web.Get("https://" + kmsHost + "/v1/" + w.version)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Error(resp.Status, err)
	}
}

// calls makes n calls from eight clients at once.
func (w *keyed) calls(b *testing.B, n int64) int64 {
	var left atomic.Int64
	left.Store(n)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for left.Add(-1) >= 0 {
				if i%2 == 0 {
					w.sign(b)
				} else {
					w.read(b)
				}
			}
		})
	}
	clients.Wait()
	return n
}
