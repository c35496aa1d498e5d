package gcp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Call is one call to a service, for whoever wants to watch.
type Call struct {
	What   string // "container.GetOperation", "GET registry-1.docker.io/v2/library/nginx/manifests/latest"
	Result string // "ok", or the service's own word: "NotFound", "404"
	Took   time.Duration
}

// String is the call as a line of a log.
func (c Call) String() string {
	return fmt.Sprintf("%s %s %dms", c.What, c.Result, c.Took.Milliseconds())
}

type observer struct{}

// Observe has each call that is made with the context told of when it has ended. tell
// may be called by several goroutines at once.
func Observe(ctx context.Context, tell func(Call)) context.Context {
	return context.WithValue(ctx, observer{}, tell)
}

func observed(ctx context.Context) (tell func(Call), ok bool) {
	tell, ok = ctx.Value(observer{}).(func(Call))
	return tell, ok
}

// observe is the interceptor of calls by gRPC.
func observe(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	tell, ok := observed(ctx)
	if !ok {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	start := time.Now()
	err := invoke(ctx, method, req, reply, cc, opts...)
	result := "ok"
	if err != nil {
		result = status.Code(err).String()
	}
	service, _, _ := strings.Cut(cc.Target(), ".googleapis.com")
	service = service[strings.LastIndexAny(service, "/:")+1:]
	tell(Call{What: service + "." + method[strings.LastIndex(method, "/")+1:], Result: result, Took: time.Since(start)})
	return err
}

// observeHTTP notes a call that is no gRPC: of a registry, a chart's repository, Kubernetes.
func observeHTTP(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	tell, ok := observed(r.Context())
	if !ok {
		return next.RoundTrip(r)
	}
	start := time.Now()
	resp, err := next.RoundTrip(r)
	result := "no answer"
	if err == nil {
		result = fmt.Sprint(resp.StatusCode)
	}
	path := r.URL.Path // without its query: a signed address carries its right there
	if len(path) > 80 {
		path = path[:79] + "…"
	}
	tell(Call{What: r.Method + " " + r.URL.Host + path, Result: result, Took: time.Since(start)})
	return resp, err
}
