// Package front is the door of the sandbox's Google Cloud. Programs come to it
// through an ordinary proxy on 127.0.0.1 and ask for the real host names; it
// answers with certificates of a CA of its own, serves each host's APIs over gRPC
// and REST as Google does, and refuses every other name with a sentence. It looks
// no name up and dials nothing but what it is given: nothing leaves the machine.
package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/sandbox/journal"
)

// Options say where the front keeps its CA and its port.
type Options struct {
	Dir     string           // holds ca.pem, ca.key and proxy.port, private; "": a new CA and port each time
	Journal *journal.Journal // nil: refusals are not noted
	Log     io.Writer        // what clients do wrong on the wire; nil: nowhere
	Faults  *fault.Set       // what is to go wrong; nil: nothing
}

// Dial opens a connection for a tunnel. The address is as the client gave it, host:port.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// Front may be used by many goroutines at once.
type Front struct {
	opt   Options
	ca    *authority
	proxy *http.Server
	https *http.Server
	inner *handOver // connections from the proxy to https

	mu      sync.RWMutex
	hosts   map[string]http.Handler // "cloudkms.googleapis.com", or "*-docker.pkg.dev" for all that end so
	tunnels []tunnel
	open    map[net.Conn]string // ends of tunnels under way, with their host
	closed  bool
	address string // of the proxy, once started
	serving sync.WaitGroup
}

type tunnel struct {
	match    func(host string) bool
	dial     Dial
	identity Identity
	requests http.Handler // while what goes through is to be seen
}

// Identity is a certificate that a host's clients trust.
type Identity func(host string) (*tls.Certificate, error)

// New loads the CA, or makes one.
func New(o Options) (*Front, error) {
	ca, err := openAuthority(o.Dir)
	if err != nil {
		return nil, err
	}
	f := &Front{opt: o, ca: ca, hosts: map[string]http.Handler{}, open: map[net.Conn]string{}, inner: newHandOver()}
	if o.Log == nil {
		o.Log = io.Discard
	}
	logger := log.New(o.Log, "front: ", log.LstdFlags|log.LUTC)
	f.proxy = &http.Server{
		Handler: http.HandlerFunc(f.connect), ErrorLog: logger, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		Protocols: protocols(false), IdleTimeout: time.Minute,
	}
	f.https = &http.Server{
		Handler: http.HandlerFunc(f.serve), ErrorLog: logger, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute,
		TLSConfig: &tls.Config{GetCertificate: f.certificate, MinVersion: tls.VersionTLS12},
		Protocols: protocols(true), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(context.WithValue(ctx, hostKey{}, hostedOf(c)), connKey{}, c)
		},
	}
	o.Faults.Watch(f.interrupt)
	return f, nil
}

func protocols(h2 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(h2)
	return p
}

// Handle serves a host's requests over TLS. A host that begins with "*" stands for
// all names that end with the rest of it.
func (f *Front) Handle(host string, h http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hosts[host] = h
}

// Inspect joins clients of the hosts that match to what dial opens, byte for byte. While
// faults are armed for a host, its clients' TLS ends here instead, and requests hands each on.
// Hosts that are handled come first, then tunnels in their order.
func (f *Front) Inspect(match func(host string) bool, dial Dial, identity Identity, requests http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tunnels = append(f.tunnels, tunnel{match, dial, identity, requests})
}

// interrupt ends the tunnels to hosts that a fault has been armed for, so that clients come
// again and are seen.
func (f *Front) interrupt(about func(host string) bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for c, host := range f.open {
		if t := f.through(host); t != nil && about(host) {
			c.Close()
		}
	}
}

func (f *Front) handler(host string) http.Handler {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if h := f.hosts[host]; h != nil {
		return h
	}
	for name, h := range f.hosts {
		if end, ok := strings.CutPrefix(name, "*"); ok && strings.HasSuffix(host, end) {
			return h
		}
	}
	return nil
}

// tunnel finds the one for a host; nil if there is none.
func (f *Front) tunnel(host string) *tunnel {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.through(host)
}

// through is tunnel for who holds the lock.
func (f *Front) through(host string) *tunnel {
	for i := range f.tunnels {
		if f.tunnels[i].match(host) {
			return &f.tunnels[i]
		}
	}
	return nil
}

// Start listens on 127.0.0.1, on the port of the last time if it is free, and
// serves until Close.
func (f *Front) Start(ctx context.Context) error {
	l, err := f.listen(ctx)
	if err != nil {
		return fmt.Errorf("listen on 127.0.0.1: %w", err)
	}
	f.address = l.Addr().String()
	f.serving.Go(func() { _ = f.proxy.Serve(l) })
	f.serving.Go(func() { _ = f.https.ServeTLS(f.inner, "", "") })
	return nil
}

func (f *Front) listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	remembered := filepath.Join(f.opt.Dir, "proxy.port")
	if f.opt.Dir != "" {
		if text, err := os.ReadFile(remembered); err == nil {
			if port, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16); err == nil && port > 1023 {
				if l, err := config.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
					return l, nil
				}
			}
		}
	}
	l, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil || f.opt.Dir == "" {
		return l, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := renameio.WriteFile(remembered, []byte(strconv.Itoa(port)+"\n"), 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// ProxyURL is where clients find the front ("http://127.0.0.1:PORT"); "" before Start.
func (f *Front) ProxyURL() string {
	if f.address == "" {
		return ""
	}
	return "http://" + f.address
}

// CA is the certificate that clients must trust, in PEM.
func (f *Front) CA() []byte { return f.ca.pem }

// Pool has the CA and nothing else in it.
func (f *Front) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(f.ca.cert)
	return pool
}

// Close ends everything at once and waits for it.
func (f *Front) Close() error {
	f.mu.Lock()
	f.closed = true
	for c := range f.open {
		c.Close()
	}
	f.mu.Unlock()
	err := errors.Join(f.proxy.Close(), f.https.Close())
	f.inner.Close()
	f.serving.Wait()
	return err
}
