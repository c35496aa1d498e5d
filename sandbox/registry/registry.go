// Package registry is the sandbox's image registries, over the real protocol (OCI
// distribution specification 1.1): Artifact Registry's (*-docker.pkg.dev) with its
// sign-in, its access control on every request and its words, Docker Hub with images
// that the sandbox makes itself, and GitHub's with images that were built here. What
// is pushed is kept in files by digest; nothing is ever fetched from elsewhere.
package registry

import (
	"net/http"
	"time"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
)

// Options say what the registries have.
type Options struct {
	Store        *Store           // what was pushed; needed
	Repositories Repositories     // which repositories Artifact Registry has; needed
	GitHub       map[string]Shelf // images of ghcr.io by name
	PullLimit    bool             // Docker Hub refuses anonymous pulls beyond its limit, as the real one does; else it only counts them
}

// Repositories knows Artifact Registry's repositories.
type Repositories interface {
	// Repository looks one up: "projects/p/locations/l/repositories/r", p being the id.
	Repository(name string) (Repository, bool)
}

// Repository is what matters of one here.
type Repository struct {
	Docker        bool // takes images
	ImmutableTags bool
}

// Shelf has the images of one name, for reading.
type Shelf interface {
	Tags() []string
	// Manifest finds one by tag or digest.
	Manifest(reference string) (body []byte, mediaType, digest string, ok bool)
	// Blob opens content by digest.
	Blob(digest string) (b Content, ok bool, err error)
}

// Service is the registries. It may be used by many goroutines at once.
type Service struct {
	iam    *iam.IAM
	opt    Options
	passes passes
	hub    *hub
}

// New makes the registries. Their images are made when they are first asked for.
func New(k *iam.IAM, o Options) (*Service, error) {
	s := &Service{iam: k, opt: o, passes: newPasses(k.Now)}
	s.hub = newHub(k.Now, o.PullLimit)
	return s, nil
}

// Handlers are the registries by host name; one that begins with "*" stands for all
// that end so.
func (s *Service) Handlers() (map[string]http.Handler, error) {
	hub, github := s.handler(s.serveHub), s.handler(s.serveGitHub)
	return map[string]http.Handler{
		"*-docker.pkg.dev":     s.handler(s.serveGoogle),
		"registry-1.docker.io": hub,
		"index.docker.io":      hub,
		"auth.docker.io":       s.handler(s.hubToken),
		"docker.io":            http.HandlerFunc(toDockerCom),
		"ghcr.io":              github,
	}, nil
}

// Close ends nothing: the store is the caller's.
func (s *Service) Close() error { return nil }

// exchange is one request and what the journal is to say of it.
type exchange struct {
	*http.Request
	w          *journal.Answer
	caller     iam.Caller
	token      string // that the caller came with
	permission string
	resource   string
}

// handler answers with what serve refuses, and journals every request. The query is
// left out: it can hold a client's words, and tells nothing that the path does not.
func (s *Service) handler(serve func(*exchange) *refusal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := &exchange{Request: r, w: &journal.Answer{ResponseWriter: w}}
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if refused := serve(x); refused != nil {
			refused.write(x.w, r.Method)
		}
		s.iam.Journal().Add(journal.Call{
			Time: s.iam.Now(), Host: r.Host, Method: r.Method + " " + r.URL.Path, Principal: x.caller.Member,
			Permission: x.permission, Resource: x.resource, Code: x.w.Code(),
			Millis: journal.Millis(start), Changes: changes(r.Method),
		})
	})
}

func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead
}
