package iam

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/signgate/signgate/sandbox/journal"
)

// gate stands before the services of one host.
type gate struct {
	iam   *IAM
	rules map[string]*Rule
}

type callerKey struct{}

// FromContext is who makes the call that a service is serving.
func FromContext(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// NewContext is for calls that come in by other ways than the gate.
func NewContext(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Server makes one host's gRPC server with the gate before everything that
// register registers. A method without a rule, or with a rule that neither names a
// permission nor says why there is none, is an error.
func (k *IAM) Server(rules []Rule, register func(*grpc.Server)) (*grpc.Server, error) {
	g := &gate{iam: k, rules: map[string]*Rule{}}
	for _, r := range rules {
		if g.rules[r.Method] != nil {
			return nil, fmt.Errorf("gate: %s has two rules", r.Method)
		}
		g.rules[r.Method] = &r
	}
	srv := grpc.NewServer(grpc.UnaryInterceptor(g.unary), grpc.StreamInterceptor(g.stream), grpc.MaxRecvMsgSize(64<<20))
	register(srv)
	if err := g.complete(srv); err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.gates = append(k.gates, g)
	k.mu.Unlock()
	return srv, nil
}

// Rules are those of every server that was made: one list a server, in the order of
// their methods' names. A test holds the services against them.
func (k *IAM) Rules() [][]Rule {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var all [][]Rule
	for _, g := range k.gates {
		var rules []Rule
		for _, method := range slices.Sorted(maps.Keys(g.rules)) {
			rules = append(rules, *g.rules[method])
		}
		all = append(all, rules)
	}
	return all
}

// complete holds the rules against the methods that are registered, and takes the
// scopes from the services' own definitions.
func (g *gate) complete(srv *grpc.Server) error {
	api := map[string][]string{} // scopes by API
	for name := range srv.GetServiceInfo() {
		scopes := definedScopes(name)
		for method, r := range g.rules {
			if strings.HasPrefix(method, "/"+name+"/") {
				api[r.API] = append(api[r.API], scopes...)
			}
		}
	}
	for name, info := range srv.GetServiceInfo() {
		for _, m := range info.Methods {
			method := "/" + name + "/" + m.Name
			r := g.rules[method]
			switch {
			case r == nil:
				return fmt.Errorf("gate: %s has no rule", method)
			case (r.Permission == "") == (r.None == ""):
				return fmt.Errorf("gate: the rule of %s must name a permission, or say why there is none", method)
			case r.Scopes == nil:
				r.Scopes = api[r.API]
			}
		}
	}
	return nil
}

// definedScopes are those of a service's definition (option google.api.oauth_scopes).
func definedScopes(service string) []string {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	list, _ := proto.GetExtension(d.Options(), annotations.E_OauthScopes).(string)
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

func (g *gate) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	p := g.arrive(ctx, info.FullMethod)
	resp, err := any(nil), p.admit(req)
	if err == nil {
		resp, err = handler(NewContext(ctx, p.caller), req)
	}
	p.leave(err)
	return resp, err
}

func (g *gate) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	p := g.arrive(ss.Context(), info.FullMethod)
	err := handler(srv, &gatedStream{ServerStream: ss, pass: p})
	p.leave(err)
	return err
}

// gatedStream is decided by its first message: only that names the resource.
type gatedStream struct {
	grpc.ServerStream
	pass  *pass
	began bool
}

func (s *gatedStream) Context() context.Context {
	return NewContext(s.ServerStream.Context(), s.pass.caller)
}

func (s *gatedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil || s.began {
		return err
	}
	s.began = true
	return s.pass.admit(m)
}

// pass is one call on its way through the gate.
type pass struct {
	iam    *IAM
	rule   *Rule
	method string
	host   string
	quota  string // project that the call is to be counted against; "" for none
	token  string
	start  time.Time

	caller   Caller
	resource string
}

func (g *gate) arrive(ctx context.Context, method string) *pass {
	p := &pass{iam: g.iam, rule: g.rules[method], method: method, start: time.Now()}
	md, _ := metadata.FromIncomingContext(ctx)
	p.host = hostname(first(md, ":authority"))
	p.quota = first(md, "x-goog-user-project")
	if kind, token, ok := strings.Cut(first(md, "authorization"), " "); ok && strings.EqualFold(kind, "bearer") {
		p.token = strings.TrimSpace(token)
	}
	return p
}

func first(md metadata.MD, key string) string {
	if v := md[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func hostname(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return authority
}

// admit decides on a call of a gRPC method.
func (p *pass) admit(req any) error {
	if p.rule == nil { // cannot be: Server has looked
		return status.Errorf(codes.Unimplemented, "%s is not part of the sandbox", p.method)
	}
	if m, ok := req.(proto.Message); ok {
		p.resource = p.rule.target(m)
	}
	return p.decide()
}

// decide does it in Google's order: who is it, is the API on, do the token's scopes
// cover the method, does the caller hold the permission.
func (p *pass) decide() error {
	service, short := p.service(), strings.ReplaceAll(strings.TrimPrefix(p.method, "/"), "/", ".")
	caller, why := p.iam.authenticate(p.token, p.host)
	if why != nil {
		return unauthenticated(why, service, short)
	}
	p.caller = caller
	if err := p.iam.counted(p.caller, p.rule.API, p.quota); err != nil {
		return err
	}
	if !ofProjects(p.rule.API) {
		if err := p.iam.available(p.rule.API, p.resource); err != nil {
			return err
		}
	}
	if !covers(caller.Scopes, *p.rule) {
		return scopesInsufficient(service, short)
	}
	if p.rule.Permission != "" && !named(p.resource) {
		return badRequest()
	}
	if err := p.iam.permit(caller, *p.rule, p.resource); err != nil {
		return err
	}
	if p.rule.Unserved {
		return status.Errorf(codes.Unimplemented, "%s is not part of the sandbox", short)
	}
	return nil
}

func (p *pass) service() string {
	if p.rule.API != "" {
		return p.rule.API
	}
	return p.host
}

// leave notes how the call ended.
func (p *pass) leave(err error) {
	c := journal.Call{
		Time: p.iam.clock(), Host: p.host, Method: p.method, Principal: p.caller.Member, Resource: p.resource,
		Code: status.Code(err).String(), Millis: journal.Millis(p.start),
	}
	if p.rule != nil {
		c.Permission, c.Changes = p.rule.Permission, p.rule.Changes
	}
	p.iam.journal.Add(c)
}

// ofProjects are the APIs that manage projects from outside: they must be on in the
// project that calls are counted against, not in the one that is managed.
func ofProjects(api string) bool {
	switch api {
	case "cloudresourcemanager.googleapis.com", "cloudbilling.googleapis.com", "serviceusage.googleapis.com":
		return true
	}
	return false
}

// counted checks the project that a call is to be counted against, as the header
// x-goog-user-project names it.
func (k *IAM) counted(c Caller, api, project string) error {
	if project == "" || api == "" {
		return nil
	}
	if !k.Holds(c, "serviceusage.services.use", "projects/"+project) {
		return userProjectDenied(api, project)
	}
	return k.available(api, "projects/"+project)
}

// named says whether a resource's name begins as one does.
func named(resource string) bool {
	collection, id, ok := strings.Cut(resource, "/")
	switch collection {
	case "projects", "organizations", "folders", "billingAccounts":
		return ok && id != "" && !strings.HasPrefix(id, "/")
	}
	return false
}
