// Package artifacts is Artifact Registry in the sandbox (artifactregistry.googleapis.com):
// repositories and what is in them, over the official API definition. Images come in
// over the registry protocol (package registry) and are seen here as packages, versions,
// tags and files.
//
// Repositories of every format can be made and managed; only standard Docker
// repositories take artifacts. Not in the sandbox: virtual and remote repositories that
// answer pulls, imports and exports, clean-up that runs, rules, attachments.
package artifacts

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/grpc"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

// Host is where the service is found.
const Host = "artifactregistry.googleapis.com"

// Options say where the service keeps its repositories and how long things take.
type Options struct {
	Dir     string          // holds artifacts.json; "": nothing is kept
	Store   *registry.Store // what is in the repositories; needed
	Latency Latency
}

// Latency is how long what takes time on Google Cloud takes here; zero is at once.
type Latency struct {
	Create time.Duration // of a repository
	Delete time.Duration // of a repository, a package or a version
}

// Service may be used by many goroutines at once.
type Service struct {
	artifactregistrypb.UnimplementedArtifactRegistryServer
	iam     *iam.IAM
	store   *registry.Store
	latency Latency
	path    string // of artifacts.json; "" for none

	mu      sync.RWMutex
	state   state
	servers []*grpc.Server
}

// New opens the repositories in Dir, or starts without any.
func New(k *iam.IAM, o Options) (*Service, error) {
	s := &Service{iam: k, store: o.Store, latency: o.Latency}
	if err := s.load(o.Dir); err != nil {
		return nil, err
	}
	return s, nil
}

// Handlers serve Artifact Registry's API, by host.
func (s *Service) Handlers() (map[string]http.Handler, error) {
	srv, err := s.iam.Server(rules(), func(g *grpc.Server) {
		artifactregistrypb.RegisterArtifactRegistryServer(g, s)
		location.RegisterLocationsServer(g, places{s: s})
		longrunningpb.RegisterOperationsServer(g, operations{s: s})
	})
	if err != nil {
		return nil, err
	}
	h, err := front.Google(srv, front.REST{Rules: bindings()})
	if err != nil {
		return nil, err
	}
	s.servers = append(s.servers, srv)
	return map[string]http.Handler{Host: named(h)}, nil
}

func bindings() []*annotations.HttpRule {
	return front.Operations("v1", "projects/*/locations/*/operations")
}

// Close ends calls that are under way.
func (s *Service) Close() error {
	for _, srv := range s.servers {
		srv.Stop()
	}
	return nil
}

// Repository tells the registry what it has to know of one.
func (s *Service) Repository(name string) (registry.Repository, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.find(name)
	if r == nil {
		return registry.Repository{}, false
	}
	docker := r.GetFormat() == artifactregistrypb.Repository_DOCKER && r.GetMode() == artifactregistrypb.Repository_STANDARD_REPOSITORY
	return registry.Repository{Docker: docker, ImmutableTags: r.GetDockerConfig().GetImmutableTags()}, true
}

// canonical is a name with the project's id where it has its number.
func (s *Service) canonical(name string) string {
	rest, ok := strings.CutPrefix(name, "projects/")
	project, below, deeper := strings.Cut(rest, "/")
	p, known := s.iam.Project(project)
	if !ok || !deeper || !known {
		return name
	}
	return "projects/" + p.ID + "/" + below
}

// split takes "projects/p/locations/l/repositories/r[/rest]" apart.
func split(name string) (repo, rest string, err error) {
	parts := strings.SplitN(name, "/", 7)
	if len(parts) < 6 || parts[0] != "projects" || parts[2] != "locations" || parts[4] != "repositories" {
		return "", "", badRequest()
	}
	for _, p := range parts {
		if p == "" {
			return "", "", badRequest()
		}
	}
	if len(parts) == 7 {
		rest = parts[6]
	}
	return strings.Join(parts[:6], "/"), rest, nil
}

// registryURI is where a repository's clients go.
func registryURI(name string, format artifactregistrypb.Repository_Format) string {
	parts := strings.Split(name, "/")
	return fmt.Sprintf("%s-%s.pkg.dev/%s/%s", parts[3], strings.ToLower(format.String()), parts[1], parts[5])
}
