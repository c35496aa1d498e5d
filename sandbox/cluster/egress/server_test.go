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
	"path/filepath"
	"strings"
	"testing"
)

// start serves an echo behind "echo:1"; every other address is refused.
func start(t *testing.T) *Server {
	t.Helper()
	echo := NewPipe()
	t.Cleanup(func() { _ = echo.Close() })
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	s, err := Listen(filepath.Join(t.TempDir(), "s"), func(ctx context.Context, address string) (net.Conn, error) {
		if address == "echo:1" {
			return echo.Dial(ctx)
		}
		return nil, errors.New("no pod has\r\nthat address")
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func ask(t *testing.T, s *Server, request string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		t.Fatal(err)
	}
	return c, r, res
}

func TestConnectJoins(t *testing.T) {
	s := start(t)
	// What is sent along with the request is not lost.
	c, r, res := ask(t, s, "CONNECT echo:1 HTTP/1.1\r\nHost: x\r\n\r\nearly ")
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	if _, err := fmt.Fprint(c, "late"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("early late"))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "early late" {
		t.Errorf("echoed %q, %v", got, err)
	}
}

func TestRefusalsAreInTheReason(t *testing.T) {
	s := start(t)
	_, _, res := ask(t, s, "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n")
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(res.Status, "no pod has  that address") {
		t.Errorf("refused with %q", res.Status)
	}
	_, _, res = ask(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %q", res.Status)
	}
}

func TestSocketIsPrivateAndCloseEndsAll(t *testing.T) {
	s := start(t)
	info, err := os.Stat(s.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	_, r, _ := ask(t, s, "CONNECT echo:1 HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("a connection outlived the server")
	}
}

func TestPipeRefusesWhenClosed(t *testing.T) {
	p := NewPipe()
	_ = p.Close()
	_ = p.Close()
	if _, err := p.Dial(t.Context()); err == nil {
		t.Error("dialled a closed pipe")
	}
	if _, err := p.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
}
