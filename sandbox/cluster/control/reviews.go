package control

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"k8s.io/klog/v2"
)

// ReviewHost is the name the API server knows the control server by. A name
// of this process only: it sends credentials over TLS and nothing else, and
// the control server speaks plain HTTP on loopback.
const ReviewHost = "control.sandbox.internal"

// serveReviews passes reviews on to the control server, with the token that
// the API server sends.
func (p *Plane) serveReviews(ctx context.Context) error {
	to, err := url.Parse(p.Config.Control)
	if err != nil {
		return err
	}
	certPEM, keyPEM, err := p.CA.Issue(Leaf{Name: ReviewHost, Hosts: []string{ReviewHost}})
	if err != nil {
		return err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("reviews: %w", err)
	}
	pass := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{Proxy: nil, IdleConnTimeout: time.Minute},
	}
	mux := http.NewServeMux()
	mux.Handle("POST /token-review", pass)
	mux.Handle("POST /access-review", pass)
	s := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13},
	}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() {
		if err := s.ServeTLS(p.Reviews, "", ""); !errors.Is(err, http.ErrServerClosed) {
			klog.Errorf("reviews: %v", err)
		}
	}()
	return nil
}
