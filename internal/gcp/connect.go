package gcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ProxyError is a proxy's refusal to reach a host; Reason is its own words.
type ProxyError struct {
	Host   string
	Reason string
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("proxy refused %s: %s", e.Host, e.Reason)
}

// dial opens a stream to host:port, through the proxy by CONNECT where there is one.
func (n Network) dial(ctx context.Context, hostport string) (net.Conn, error) {
	proxy, err := n.proxyFor(&url.URL{Scheme: "https", Host: hostport})
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return n.dialer().DialContext(ctx, "tcp", hostport)
	}
	conn, err := n.dialProxy(ctx, proxy)
	if err != nil {
		return nil, fmt.Errorf("reach proxy %s: %w", proxy.Host, err)
	}
	if err := connect(ctx, conn, proxy.User, hostport); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (n Network) dialProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	host := proxy.Host
	if proxy.Port() == "" {
		port := "80"
		if proxy.Scheme == "https" {
			port = "443"
		}
		host = net.JoinHostPort(proxy.Hostname(), port)
	}
	if proxy.Scheme != "https" {
		return n.dialer().DialContext(ctx, "tcp", host)
	}
	config := n.tls()
	config.ServerName = proxy.Hostname()
	return (&tls.Dialer{NetDialer: n.dialer(), Config: config}).DialContext(ctx, "tcp", host)
}

// connect asks the proxy at the other end of conn for a tunnel to hostport.
func connect(ctx context.Context, conn net.Conn, user *url.Userinfo, hostport string) error {
	deadline := time.Now().Add(20 * time.Second)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: hostport}, Host: hostport, Header: http.Header{}}
	if user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("ask proxy for %s: %w", hostport, err)
	}
	// The server speaks only after our TLS hello, so nothing of it is lost in this buffer.
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return fmt.Errorf("ask proxy for %s: %w", hostport, err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return &ProxyError{Host: hostport, Reason: resp.Status}
	}
	if !stop() {
		return ctx.Err()
	}
	return conn.SetDeadline(time.Time{})
}
