// Package egress is the way into the cluster: a CONNECT proxy on a unix
// socket, which the API server (and the sandbox's own proxy) sends what is
// for pods, services and kubelets to. It stands where konnectivity stands on
// GKE.
package egress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	headTimeout = 10 * time.Second
	dialTimeout = 30 * time.Second
)

// Dialer reaches an address of the cluster. Its error is told to the client.
type Dialer func(ctx context.Context, address string) (net.Conn, error)

// Server joins clients with what they ask for.
type Server struct {
	dial Dialer
	l    net.Listener
	ctx  context.Context
	stop context.CancelFunc
	open sync.WaitGroup
}

// Listen opens the socket, for this user alone.
func Listen(path string, dial Dialer) (*Server, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("egress: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{dial: dial, l: l}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.open.Add(1)
	go s.accept()
	return s, nil
}

// Path is the socket's.
func (s *Server) Path() string { return s.l.Addr().String() }

// Close ends every connection.
func (s *Server) Close() error {
	s.stop()
	err := s.l.Close()
	s.open.Wait()
	return err
}

func (s *Server) accept() {
	defer s.open.Done()
	for {
		conn, err := s.l.Accept()
		if err != nil {
			return
		}
		s.open.Add(1)
		go func() {
			defer s.open.Done()
			s.serve(conn)
		}()
	}
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the other end is gone
	defer context.AfterFunc(s.ctx, func() { _ = conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(headTimeout))
	r := bufio.NewReader(io.LimitReader(conn, 64<<10))
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	if req.Method != http.MethodConnect {
		refuse(conn, http.StatusMethodNotAllowed, "this is a way into the cluster: CONNECT ADDRESS:PORT")
		return
	}
	_ = conn.SetDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(s.ctx, dialTimeout)
	defer cancel()
	to, err := s.dial(ctx, req.Host)
	if err != nil {
		refuse(conn, http.StatusServiceUnavailable, err.Error())
		return
	}
	defer to.Close() //nolint:errcheck // the other end is gone
	defer context.AfterFunc(s.ctx, func() { _ = to.Close() })()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	early, err := r.Peek(r.Buffered()) // what came behind the request
	if err != nil {
		return
	}
	if _, err := to.Write(early); err != nil {
		return
	}
	Join(conn, to)
}

// refuse puts the words where clients show them: in the reason phrase.
func refuse(conn net.Conn, code int, words string) {
	words = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, words)
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code, words)
}

// Join copies both ways; one side's end is passed on, and when both have
// ended it returns.
func Join(a, b net.Conn) {
	var wg sync.WaitGroup
	wg.Add(2)
	oneWay := func(to, from net.Conn) {
		defer wg.Done()
		_, err := io.Copy(to, from)
		half, ok := to.(interface{ CloseWrite() error })
		if err != nil || !ok || half.CloseWrite() != nil {
			_ = to.Close()
			_ = from.Close()
		}
	}
	go oneWay(a, b)
	go oneWay(b, a)
	wg.Wait()
}
