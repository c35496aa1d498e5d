package gcp

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Network is how the outside is reached. The zero Network is: directly, with the system's roots.
type Network struct {
	Proxy   *url.URL       // nil: none
	NoProxy string         // hosts that are reached directly, as in the environment variable of that name
	Roots   *x509.CertPool // nil: the system's
}

// proxyFor says which proxy a URL goes through; nil for none. Loopback never does.
func (n Network) proxyFor(u *url.URL) (*url.URL, error) {
	if n.Proxy == nil {
		return nil, nil
	}
	p := n.Proxy.String()
	return (&httpproxy.Config{HTTPProxy: p, HTTPSProxy: p, NoProxy: n.NoProxy}).ProxyFunc()(u)
}

// answerWithin is how long a service may take to begin its answer: the Kubernetes API takes
// a minute at most, of which a webhook may have half.
const answerWithin = 90 * time.Second

// Transport makes an HTTP transport on this network.
func (n Network) Transport() *http.Transport {
	return &http.Transport{
		Proxy:                 func(r *http.Request) (*url.URL, error) { return n.proxyFor(r.URL) },
		DialContext:           n.dialer().DialContext,
		TLSClientConfig:       n.tls(),
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		ResponseHeaderTimeout: answerWithin,
	}
}

func (n Network) dialer() *net.Dialer {
	return &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
}

func (n Network) tls() *tls.Config {
	return &tls.Config{RootCAs: n.Roots, MinVersion: tls.VersionTLS12}
}

// grpc makes a connection that opens at its first call. The name goes to the
// proxy unresolved ("passthrough"), and gRPC's own reading of the proxy variables
// is out of play because the dialer is ours.
func (n Network) grpc(host, userAgent string, auth grpc.UnaryClientInterceptor) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+net.JoinHostPort(host, "443"),
		grpc.WithTransportCredentials(credentials.NewTLS(n.tls())),
		grpc.WithContextDialer(n.dial),
		grpc.WithUserAgent(userAgent),
		grpc.WithChainUnaryInterceptor(observe, auth),
		grpc.WithDisableServiceConfig(),
	)
}

// agent says who is asking where the caller does not.
type agent struct {
	http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("User-Agent") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", a.name)
	}
	return observeHTTP(a.RoundTripper, r)
}
