package sandbox_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// The gate's law, for every method of every service that the sandbox has: it needs a
// permission or says why not; nobody gets in without a token, or with one for other
// things; whoever may only view changes nothing; it does not answer where its API is
// off. Each is tried by a real call through the proxy.
func TestGate(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	l := &law{t: t, Sandbox: s, conns: map[string]*grpc.ClientConn{}}
	l.prepare()
	methods := 0
	for _, rules := range s.IAM().Rules() {
		for _, r := range rules {
			methods++
			t.Run(strings.TrimPrefix(r.Method, "/"), func(t *testing.T) {
				l.hold(t, hostOf(t, rules), r)
				l.serve(t, hostOf(t, rules), r)
			})
		}
	}
	if methods < 220 { // Resource Manager, Billing, Service Usage, IAM, KMS, Artifact Registry, Kubernetes Engine
		t.Errorf("the law was held against %d methods only", methods)
	}
}

const (
	on    = "acme-demo"    // here every API is on
	off   = "acme-staging" // here none is
	spare = "acme-tools"   // here every API is on, and things may be made and broken
)

type law struct {
	*sandbox.Sandbox
	t     *testing.T
	conns map[string]*grpc.ClientConn
}

// prepare switches APIs on in one project, and in another one the last of them off.
func (l *law) prepare() {
	var apis []string
	for _, rules := range l.IAM().Rules() {
		for _, r := range rules {
			if r.API != "" && !slices.Contains(apis, r.API) {
				apis = append(apis, r.API)
			}
		}
	}
	for _, project := range []string{on, spare} {
		if err := l.IAM().Enable(project, apis...); err != nil {
			l.t.Fatal(err)
		}
	}
	p, _ := l.IAM().Project(off)
	for _, api := range apis {
		if !slices.Contains(p.Enabled, api) {
			continue
		}
		_, err := serviceusagepb.NewServiceUsageClient(l.conn(iam.Usage)).DisableService(l.as(iam.Owner, everything, ""),
			&serviceusagepb.DisableServiceRequest{Name: "projects/" + off + "/services/" + api, DisableDependentServices: true})
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

// hostOf is where a server's methods are: its API's name.
func hostOf(t *testing.T, rules []iam.Rule) string {
	for _, r := range rules {
		if r.API != "" {
			return r.API
		}
	}
	t.Fatalf("no method of the server of %s belongs to an API", rules[0].Method)
	return ""
}

func (l *law) hold(t *testing.T, host string, r iam.Rule) {
	m := method(t, r.Method)
	if (r.Permission == "") == (r.None == "") {
		t.Errorf("the rule names the permission %q and the reason for none %q: it must be one of them", r.Permission, r.None)
	}
	if iam.Changing(r.Method) && !r.Changes {
		t.Error("the name says that it changes something, the rule that it does not")
	}
	if m.IsStreamingClient() || m.IsStreamingServer() {
		t.Fatal("the law does not know how to call a stream")
	}
	here, there := request(m, host, on), request(m, host, off)

	err := l.call(host, r.Method, m, here, context.Background())
	want(t, "without a token", err, codes.Unauthenticated, "CREDENTIALS_MISSING")
	err = l.call(host, r.Method, m, here, l.as(iam.Owner, "openid", ""))
	want(t, "with a token for other things", err, codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	if r.Changes {
		err = l.call(host, r.Method, m, here, l.as(iam.Viewer, everything, ""))
		if status.Code(err) != codes.PermissionDenied || reason(err) == "SERVICE_DISABLED" {
			t.Errorf("as the viewer: %v", err)
		}
	}
	if r.API == "" {
		return
	}
	quota := off
	if ofProject(there) && !managesProjects(host) {
		quota = "" // the resource's own project decides
	}
	err = l.call(host, r.Method, m, there, l.as(iam.Owner, everything, quota))
	want(t, "with the API off", err, codes.PermissionDenied, "SERVICE_DISABLED")
	if p, _ := l.IAM().Project(off); details(err)["consumer"] != "projects/"+p.Number || details(err)["service"] != r.API {
		t.Errorf("with the API off, the details are %v", details(err))
	}
}

// serve holds the rule against what the service does: what it says to be served is not
// left out, and what it says to be left out is not half there.
func (l *law) serve(t *testing.T, host string, r iam.Rule) {
	if strings.HasSuffix(r.Method, "/DeleteProject") {
		return // the others need it
	}
	m := method(t, r.Method)
	err := l.call(host, r.Method, m, request(m, host, spare), l.as(iam.Owner, everything, ""))
	switch code := status.Code(err); {
	case !r.Unserved && code == codes.Unimplemented:
		t.Errorf("it is said to be served: %v", err)
	case r.Unserved && code != codes.Unimplemented && code != codes.PermissionDenied:
		t.Errorf("it is said not to be served: %v", err)
	case code == codes.Internal || code == codes.Unknown:
		t.Errorf("as the owner: %v", err)
	}
}

// managesProjects: these must be on in the project that calls are counted against.
func managesProjects(host string) bool {
	return slices.Contains([]string{iam.Manager, iam.Billing, iam.Usage}, host)
}

func want(t *testing.T, when string, err error, code codes.Code, why string) {
	t.Helper()
	if status.Code(err) != code || reason(err) != why {
		t.Errorf("%s: %v, reason %q; want %v, %q", when, err, reason(err), code, why)
	}
}

func info(err error) *errdetails.ErrorInfo {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}

func reason(err error) string             { return info(err).GetReason() }
func details(err error) map[string]string { return info(err).GetMetadata() }

func method(t *testing.T, name string) protoreflect.MethodDescriptor {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.ReplaceAll(name[1:], "/", ".")))
	if err != nil {
		t.Fatal(err)
	}
	return d.(protoreflect.MethodDescriptor)
}

// request is one for a resource of the project, as the method's binding to REST says
// which field names it and how such names look.
func request(m protoreflect.MethodDescriptor, host, project string) proto.Message {
	req := dynamicpb.NewMessage(m.Input())
	if m.Name() == "CreateFolder" { // its binding names nothing: the parent is in the body
		set(req, []string{"folder", "parent"}, "organizations/1")
		return req
	}
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	path := rule.GetGet() + rule.GetPost() + rule.GetPut() + rule.GetPatch() + rule.GetDelete()
	if field, template, ok := variable(path); ok {
		set(req, strings.Split(field, "."), fill(template, host, project))
	} else {
		for _, field := range []string{"parent", "resource", "name"} {
			if req.Descriptor().Fields().ByName(protoreflect.Name(field)) != nil {
				set(req, []string{field}, "projects/"+project)
			}
		}
	}
	return req
}

// variable is the first one of a path: "/v1/{name=projects/*}/services".
func variable(path string) (field, template string, ok bool) {
	_, rest, ok := strings.Cut(path, "{")
	if !ok {
		return "", "", false
	}
	inside, _, _ := strings.Cut(rest, "}")
	field, template, ok = strings.Cut(inside, "=")
	return field, template, ok
}

// fill puts names where a template has stars.
func fill(template, host, project string) string {
	switch {
	case template == "**":
		return "projects/" + project + "/locations/northamerica-northeast1/things/a-thing"
	case template == "operations" || strings.HasPrefix(template, "operations/"):
		if managesProjects(host) {
			return "operations/an-operation"
		}
		return "projects/" + project + "/locations/northamerica-northeast1/operations/an-operation"
	}
	if rest, ok := strings.CutPrefix(template, "*/*"); ok { // whose collection is for the caller to say
		template = "projects/*" + rest
	}
	parts := strings.Split(template, "/")
	for i, p := range parts {
		if !strings.HasPrefix(p, "*") {
			continue
		}
		switch parts[max(i-1, 0)] {
		case "projects":
			parts[i] = project
		case "locations":
			parts[i] = "northamerica-northeast1"
		case "zones":
			parts[i] = "northamerica-northeast1-a"
		default:
			parts[i] = "a-thing"
		}
	}
	return strings.Join(parts, "/")
}

func set(m protoreflect.Message, path []string, value string) {
	fd := m.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	if len(path) > 1 {
		set(m.Mutable(fd).Message(), path[1:], value)
		return
	}
	m.Set(fd, protoreflect.ValueOfString(value))
}

// ofProject says whether a request names something in a project.
func ofProject(req proto.Message) bool {
	return strings.HasPrefix(iam.Target(req), "projects/")
}

const everything = "https://www.googleapis.com/auth/cloud-platform"

func (l *law) as(who, scope, quota string) context.Context {
	token, _ := l.IAM().Mint("user:"+who, []string{scope}, time.Hour)
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
	if quota != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-goog-user-project", quota)
	}
	return ctx
}

func (l *law) call(host, name string, m protoreflect.MethodDescriptor, req proto.Message, ctx context.Context) error {
	return l.conn(host).Invoke(ctx, name, req, dynamicpb.NewMessage(m.Output()))
}

// conn speaks gRPC to a host through the proxy.
func (l *law) conn(host string) *grpc.ClientConn {
	if c := l.conns[host]; c != nil {
		return c
	}
	proxy, _ := url.Parse(l.ProxyURL())
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
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: l.Roots()})))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	l.conns[host] = c
	return c
}
