package front

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"connectrpc.com/vanguard"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/fault"
)

// REST is how one host's REST differs from what its definitions say.
type REST struct {
	// Rules bind methods that the definitions bind elsewhere or not at all, as the
	// host's own configuration does for operations and policies.
	Rules []*annotations.HttpRule
	// Defaults: fields without a value are in answers too (Cloud Billing).
	Defaults bool
	// Errors: refusals list their reasons in the words of the older APIs too
	// (Kubernetes Engine, IAM).
	Errors bool
	// Besides answers what the definitions do not know: a version of the API that
	// has none. It sees requests without system parameters, and its answers, compact
	// JSON, are laid out as the client asked. Nil: nothing.
	Besides http.Handler
}

// Get binds a method to GET path, without a body.
func Get(method, path string) *annotations.HttpRule {
	return &annotations.HttpRule{Selector: method, Pattern: &annotations.HttpRule_Get{Get: path}}
}

// Post binds a method to POST path, the body being the request.
func Post(method, path string) *annotations.HttpRule {
	return &annotations.HttpRule{Selector: method, Pattern: &annotations.HttpRule_Post{Post: path}, Body: "*"}
}

// Operations binds google.longrunning.Operations as a host does: version "v1" or
// "v3", in the pattern of its operations' collection ("operations",
// "projects/*/locations/*/operations").
func Operations(version, collection string) []*annotations.HttpRule {
	const service = "google.longrunning.Operations."
	name := "/" + version + "/{name=" + collection + "/*}"
	rules := []*annotations.HttpRule{
		Get(service+"GetOperation", name),
		Post(service+"CancelOperation", name+":cancel"),
		Post(service+"WaitOperation", name+":wait"),
	}
	if parent, ok := strings.CutSuffix(collection, "/operations"); ok {
		rules = append(rules, Get(service+"ListOperations", "/"+version+"/{name="+parent+"}/operations"))
	}
	return rules
}

// Google serves a host's gRPC services as Google does, over gRPC and over REST
// on one port. REST is transcoded by the services' own definitions.
func Google(srv *grpc.Server, rest REST) (http.Handler, error) {
	g := &google{srv: fault.Methods(srv), rest: rest}
	for name := range srv.GetServiceInfo() {
		g.services = append(g.services, name)
	}
	names, err := g.transcoder(codec{rest: rest})
	if err != nil {
		return nil, err
	}
	g.names = names
	g.numbers = sync.OnceValue(func() http.Handler {
		h, err := g.transcoder(codec{rest: rest, numbers: true})
		if err != nil { // the same rules were fine above
			panic(err)
		}
		return h
	})
	return g, nil
}

type google struct {
	srv      http.Handler // the gRPC server
	services []string
	rest     REST
	names    http.Handler        // transcodes, enums by name
	numbers  func() http.Handler // the same, enums by number
}

func (g *google) transcoder(c codec) (http.Handler, error) {
	var services []*vanguard.Service
	for _, name := range g.services {
		services = append(services, vanguard.NewService(name, checkFields(g.srv)))
	}
	t, err := vanguard.NewTranscoder(services,
		vanguard.WithCodec(func(vanguard.TypeResolver) vanguard.Codec { return c }),
		vanguard.WithDefaultServiceOptions(
			vanguard.WithTargetProtocols(vanguard.ProtocolGRPC), vanguard.WithTargetCodecs(vanguard.CodecProto),
			vanguard.WithNoTargetCompression(), vanguard.WithMaxMessageBufferBytes(bodyMax+1)),
		vanguard.WithRules(g.rest.Rules...),
		vanguard.WithUnknownHandler(g.unknown()))
	if err != nil {
		return nil, fmt.Errorf("transcode REST: %w", err)
	}
	return t, nil
}

// unknown answers paths that no definition binds.
func (g *google) unknown() http.Handler {
	if g.rest.Besides != nil {
		return g.rest.Besides
	}
	return http.HandlerFunc(NotFound)
}

// Beta answers an API's v1beta1 as v1, which has what is served of it.
func Beta(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/v1beta1/"); ok {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = "/v1/"+rest, strings.Replace(r.URL.RawPath, "/v1beta1/", "/v1/", 1)
		}
		h.ServeHTTP(w, r)
	})
}

// NotFound is Google's answer for a path that is none of the API's.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, status.Error(codes.NotFound, "Method not found."))
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		g.srv.ServeHTTP(w, r)
		return
	}
	h := g.names
	serveREST(w, r, g.rest, func(numbers bool) http.Handler {
		if numbers {
			h = g.numbers()
		}
		return h
	})
}
