package admin_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/admin"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
)

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// world is a front with the hosts of this package behind it.
type world struct {
	*front.Front
	t     testing.TB
	iam   *iam.IAM
	now   atomic.Int64 // the sandbox's time, which only passes when a test says so
	conns map[string]*grpc.ClientConn
}

func start(t testing.TB, o iam.Options) *world {
	t.Helper()
	w := &world{t: t, conns: map[string]*grpc.ClientConn{}}
	w.now.Store(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano())
	j, err := journal.Open("")
	w.check(err)
	o.Journal = j
	o.Clock = func() time.Time { return time.Unix(0, w.now.Load()) }
	w.iam, err = iam.New(o)
	w.check(err)
	w.Front, err = front.New(front.Options{Journal: j})
	w.check(err)
	a, err := admin.New(w.iam)
	w.check(err)
	hosts, err := a.Handlers()
	w.check(err)
	for host, h := range hosts {
		w.Handle(host, h)
	}
	w.check(w.Start(context.Background()))
	t.Cleanup(func() {
		for _, c := range w.conns {
			c.Close()
		}
		w.Close()
		a.Close()
	})
	return w
}

func (w *world) pass(d time.Duration) { w.now.Add(int64(d)) }

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// conn speaks gRPC to a host through the proxy.
func (w *world) conn(host string) *grpc.ClientConn {
	w.t.Helper()
	if c := w.conns[host]; c != nil {
		return c
	}
	proxy, _ := url.Parse(w.ProxyURL())
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", proxy.Host)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("connect: %v, %w", resp, err)
		}
		return c, nil
	}
	c, err := grpc.NewClient("passthrough:///"+host+":443", grpc.WithContextDialer(dial), grpc.WithNoProxy(),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: w.Pool()})))
	w.check(err)
	w.conns[host] = c
	return c
}

// as is a context with the sign-in of a principal; further pairs are metadata.
func (w *world) as(member string, pairs ...string) context.Context {
	if strings.HasSuffix(member, ".example") {
		member = "user:" + member
	}
	token, _ := w.iam.Mint(member, []string{cloudPlatform}, time.Hour)
	return metadata.AppendToOutgoingContext(context.Background(), append(pairs, "authorization", "Bearer "+token)...)
}

// rest makes one REST call as a principal and returns the status and the answer.
func (w *world) rest(member, method, address, body string, headers ...string) (int, map[string]any) {
	w.t.Helper()
	if strings.HasSuffix(member, ".example") {
		member = "user:" + member
	}
	token, _ := w.iam.Mint(member, []string{cloudPlatform}, time.Hour)
	req, err := http.NewRequest(method, "https://"+address, strings.NewReader(body))
	w.check(err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	proxy, _ := url.Parse(w.ProxyURL())
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.Pool()}, DisableKeepAlives: true}}
	resp, err := c.Do(req)
	w.check(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	w.check(err)
	answer := map[string]any{}
	w.check(json.Unmarshal(data, &answer))
	return resp.StatusCode, answer
}

// refused checks a refusal: its code, a part of its words, its reason ("" for none).
func refused(t testing.TB, err error, code codes.Code, words, reason string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), words) || reasonOf(err) != reason {
		t.Errorf("refused with %v, %q, reason %q; want %v, %q, reason %q", status.Code(err), status.Convert(err).Message(), reasonOf(err), code, words, reason)
	}
}

func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
