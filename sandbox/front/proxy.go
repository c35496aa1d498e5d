package front

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/sandbox/journal"
)

// dialTimeout is how long a client waits for its connection to be made: a little less than
// Go's own patience with a proxy, so that it hears in words why there is none.
const dialTimeout = 55 * time.Second

// connect answers a request to the proxy itself.
func (f *Front) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		f.plain(w, r)
		return
	}
	host, port, ok := target(r.Host)
	h, to := f.handler(host), f.tunnel(host)
	switch {
	case !ok:
		f.refuse(w, host, "a CONNECT request names HOST:PORT")
	case h != nil && port != "443":
		f.refuse(w, host, fmt.Sprintf("%s is served on port 443 only, not %s", host, port))
	case h != nil:
		if conn := hijack(w); conn != nil {
			f.inner.give(&hosted{Conn: conn, host: host})
		}
	case to != nil:
		f.join(w, r, host, net.JoinHostPort(host, port), to)
	default:
		f.refuse(w, host, printable(host)+" is not part of the sandbox, and nothing leaves this machine")
	}
}

// plain refuses what is no CONNECT: a browser's page that found the port, or
// a client that would send its token over http.
func (f *Front) plain(w http.ResponseWriter, r *http.Request) {
	if r.URL.Host == "" {
		f.refuse(w, "", "this is a proxy: set HTTPS_PROXY to it (signgate sandbox env)")
		return
	}
	f.refuse(w, r.URL.Hostname(), "http://"+printable(r.URL.Host)+" is refused: Google Cloud is https only, and nothing leaves this machine")
}

// target takes HOST:PORT apart; names are lower case and without a last dot.
func target(address string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, "", false
	}
	return canonical(host), port, host != "" && port != ""
}

func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// printable keeps a sentence with a client's own words in it on one line.
func printable(s string) string { return journal.Printable(s, 100) }

// refuse says why in the reason phrase too: of a refused CONNECT most clients show
// nothing else.
func (f *Front) refuse(w http.ResponseWriter, host, why string) {
	if f.opt.Journal != nil {
		f.opt.Journal.Add(journal.Call{Time: time.Now(), Host: host, Method: "CONNECT", Code: "PermissionDenied"})
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, why, http.StatusForbidden)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "HTTP/1.1 403 signgate sandbox: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\nsigngate sandbox: %s\n",
		why, len("signgate sandbox: ")+len(why)+1, why)
}

// hijack takes the connection over and tells the client to begin; nil if it has gone.
func hijack(w http.ResponseWriter) net.Conn {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	_ = conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return nil
	}
	if buffered.Reader.Buffered() > 0 { // an eager client sent its hello already
		return &eager{Conn: conn, first: buffered.Reader}
	}
	return conn
}

type eager struct {
	net.Conn
	first *bufio.Reader
}

func (e *eager) Read(b []byte) (int, error) {
	if e.first != nil && e.first.Buffered() > 0 {
		return e.first.Read(b[:min(len(b), e.first.Buffered())])
	}
	e.first = nil
	return e.Conn.Read(b)
}

// join dials first, so that a failure is told to the client in words.
func (f *Front) join(w http.ResponseWriter, r *http.Request, host, address string, to *tunnel) {
	seen := f.opt.Faults.About(host)
	cut, err := f.opt.Faults.Connection(r.Context(), host)
	if err == nil && seen && !cut {
		if conn := hijack(w); conn != nil {
			f.inner.give(&hosted{Conn: conn, host: host, to: to})
		}
		return
	}
	var far net.Conn
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), dialTimeout)
		defer cancel()
		far, err = to.dial(ctx, address)
	}
	if err != nil {
		f.refuse(w, host, printable(address)+": "+printable(err.Error()))
		return
	}
	defer far.Close()
	near := hijack(w)
	if near == nil {
		return
	}
	defer near.Close()
	if cut || !f.track(host, near, far) {
		return
	}
	defer f.untrack(near, far)
	var both sync.WaitGroup
	both.Go(func() { pour(far, near) })
	both.Go(func() { pour(near, far) })
	both.Wait()
}

// pour copies until the source ends, then tells the sink so; a failure ends both ways.
func pour(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	to.Close()
	from.Close()
}

func (f *Front) track(host string, conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.serving.Add(1)
	for _, c := range conns {
		f.open[c] = host
	}
	return true
}

func (f *Front) untrack(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.open, c)
	}
	f.serving.Done()
}

// hosted is a client's connection to the host that its CONNECT named.
type hosted struct {
	net.Conn
	host string
	to   *tunnel // whose requests are to be seen; nil for a host of ours
}

type (
	hostKey struct{} // the *hosted of a request's connection
	connKey struct{} // the connection itself
)

func hostedOf(c net.Conn) *hosted {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if h, ok := c.(*hosted); ok {
		return h
	}
	return &hosted{}
}

func (f *Front) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	at := hostedOf(hello.Conn)
	if sni := canonical(hello.ServerName); sni != "" && sni != at.host {
		return nil, fmt.Errorf("the connection is to %q, the handshake asks for %q", at.host, sni)
	}
	if at.to != nil {
		return at.to.identity(at.host)
	}
	return f.ca.certificate(at.host)
}

// serve hands a request to its host, which must be the one of the connection.
// gRPC says "host:443" where REST says "host"; services see the host alone.
func (f *Front) serve(w http.ResponseWriter, r *http.Request) {
	at, _ := r.Context().Value(hostKey{}).(*hosted)
	host := at.host
	name, port, ok := target(r.Host)
	if !ok {
		name, port = canonical(r.Host), "443"
	}
	h := f.handler(host)
	if at.to != nil {
		h = at.to.requests
	}
	if h == nil || name != host || port != "443" {
		http.Error(w, fmt.Sprintf("signgate sandbox: this connection is to %s, the request is for %s", host, printable(r.Host)), http.StatusMisdirectedRequest)
		return
	}
	r.Host = host
	r.RemoteAddr = "127.0.0.1:0" // nobody else can connect
	if f.opt.Faults.Armed() {
		h = f.opt.Faults.HTTP(f.door(r, host), h)
	}
	h.ServeHTTP(w, r)
}

// door is where faults happen to a request.
func (f *Front) door(r *http.Request, host string) fault.Door {
	return fault.Door{
		Host: host, Google: writeError,
		Cut: func() {
			if c, ok := r.Context().Value(connKey{}).(*tls.Conn); ok {
				c.NetConn().Close() // without the farewell of TLS
			}
		},
		Note: func(what string, refusal error) {
			if f.opt.Journal != nil {
				f.opt.Journal.Add(journal.Call{Time: time.Now(), Host: host, Method: what, Code: status.Code(refusal).String()})
			}
		},
	}
}
