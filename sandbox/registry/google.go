package registry

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
)

const (
	api           = "artifactregistry.googleapis.com"
	pullArtifacts = "artifactregistry.repositories.downloadArtifacts"
	pushArtifacts = "artifactregistry.repositories.uploadArtifacts"
	dropArtifacts = "artifactregistry.repositories.deleteArtifacts"
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
	storageScope  = "https://www.googleapis.com/auth/devstorage."
	missingImage  = "Missing image name. Pushes should be of the form docker push HOST-NAME/PROJECT-ID/REPOSITORY/IMAGE"
)

// place is where in Artifact Registry an image is.
type place struct {
	repo  string // "projects/p/locations/l/repositories/r"
	name  string // image: "nginx", "team/app"; "" for the repository itself
	short string // the repository's own name
	fixed bool   // its tags stay
}

// serveGoogle is Artifact Registry's Docker registry of one location.
func (s *Service) serveGoogle(x *exchange) *refusal {
	if x.URL.Path == "/v2/token" {
		return s.googleToken(x)
	}
	rt, at, refused := s.locate(x)
	if refused != nil {
		return refused
	}
	signedIn, refused := s.signIn(x)
	if refused != nil {
		return refused
	}
	if rt.kind == ping {
		if !signedIn {
			return unauthenticated(x, "authentication required")
		}
		sendPing(x)
		return nil
	}
	if refused := s.enterPlace(x, at, needed(x.Method)); refused != nil {
		if !signedIn && refused.status == http.StatusForbidden {
			return unauthenticated(x, refused.message)
		}
		return refused
	}
	r, ok := s.opt.Repositories.Repository(at.repo)
	if !ok {
		return nameUnknown(fmt.Sprintf("Repository %q not found", at.short))
	}
	if !r.Docker {
		return &refusal{status: http.StatusBadRequest, code: "UNSUPPORTED", message: fmt.Sprintf("Repository %q is not a Docker repository", at.short)}
	}
	at.fixed = r.ImmutableTags
	return s.dispatch(x, rt, at)
}

// locate says what a request is about. Uploads under way have paths of their own.
func (s *Service) locate(x *exchange) (route, place, *refusal) {
	if rest, ok := strings.CutPrefix(x.URL.Path, "/artifacts-uploads/"); ok {
		parts := strings.Split(rest, "/") // namespaces/P/repositories/R/uploads/ID
		if len(parts) != 6 || parts[0] != "namespaces" || parts[2] != "repositories" || parts[4] != "uploads" || !isUpload(parts[5]) {
			return route{}, place{}, uploadUnknown()
		}
		return route{kind: uploads, reference: parts[5]}, s.place(x.Host, []string{parts[1], parts[3]}), nil
	}
	rt, refused := parse(x.URL.Path)
	if refused != nil || rt.kind == ping {
		return rt, place{}, refused
	}
	parts := strings.SplitN(rt.name, "/", 3)
	if len(parts) < 3 && (rt.kind != tags || len(parts) < 2) {
		return rt, place{}, nameInvalid(missingImage)
	}
	return rt, s.place(x.Host, parts), nil
}

// place names the repository as Artifact Registry does: the location is the host's.
func (s *Service) place(host string, parts []string) place {
	project := parts[0]
	if p, ok := s.iam.Project(project); ok {
		project = p.ID
	}
	at := place{repo: "projects/" + project + "/locations/" + strings.TrimSuffix(host, "-docker.pkg.dev") + "/repositories/" + parts[1], short: parts[1]}
	if len(parts) == 3 {
		at.name = parts[2]
	}
	return at
}

func needed(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return pullArtifacts
	case http.MethodDelete:
		return dropArtifacts
	}
	return pushArtifacts
}

// enterPlace asks IAM for a permission on a repository.
func (s *Service) enterPlace(x *exchange, at place, permission string) *refusal {
	if x.permission == "" {
		x.permission, x.resource = permission, at.repo
	}
	return s.admit(x.caller, at.repo, permission)
}

func (s *Service) admit(c iam.Caller, repo, permission string) *refusal {
	words := fmt.Sprintf("Permission %q denied on resource %q (or it may not exist)", permission, repo)
	if c.Member == "" {
		words = fmt.Sprintf("Unauthenticated request. Unauthenticated requests do not have permission %q on resource %q (or it may not exist)", permission, repo)
		c.Scopes = []string{cloudPlatform} // nobody's token has none to be short of
	}
	project, _, _ := strings.Cut(strings.TrimPrefix(repo, "projects/"), "/")
	if p, ok := s.iam.Project(project); !ok || p.State != iam.Active {
		return denied(words)
	}
	rule := iam.Rule{
		Method: permission, API: api, Permission: permission, Changes: permission != pullArtifacts,
		Scopes: []string{cloudPlatform + ".read-only", storageScope + "read_only", storageScope + "read_write", storageScope + "full_control"},
		Denied: func(_, _ string) error { return status.Error(codes.PermissionDenied, words) },
	}
	if err := s.iam.Admit(c, rule, repo); err != nil {
		return denied(status.Convert(err).Message())
	}
	return nil
}
