package gke

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
)

const emailScope = "https://www.googleapis.com/auth/userinfo.email"

// tokenReview is authentication.k8s.io/v1 TokenReview, as far as it is used.
type tokenReview struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Spec       tokenSpec   `json:"spec"`
	Status     tokenStatus `json:"status"`
}

type tokenSpec struct {
	Token string `json:"token,omitempty"`
}

type tokenStatus struct {
	Authenticated bool     `json:"authenticated"`
	User          userInfo `json:"user"`
	Error         string   `json:"error,omitempty"`
}

type userInfo struct {
	Username string   `json:"username,omitempty"`
	UID      string   `json:"uid,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

// tokenReview says whom a Google access token stands for. Other tokens are none of
// Google's: the API server knows those of its own accounts itself.
func (s *Service) tokenReview(w http.ResponseWriter, r *http.Request, _ *cluster) {
	var review tokenReview
	if !read(w, r, &review) {
		return
	}
	token := review.Spec.Token
	review.APIVersion, review.Kind, review.Spec = "authentication.k8s.io/v1", "TokenReview", tokenSpec{}
	caller, err := s.iam.Authenticate(token)
	if err != nil {
		review.Status = tokenStatus{Error: status.Convert(err).Message()}
	} else {
		review.Status = tokenStatus{Authenticated: true, User: s.kubernetesUser(caller)}
	}
	write(w, review)
}

// kubernetesUser is a caller as RBAC knows it: by the e-mail address if the token lets
// it be seen, else by its number.
func (s *Service) kubernetesUser(c iam.Caller) userInfo {
	id := s.subject(c)
	name := id
	if c.Email != "" && slices.Contains(c.Scopes, emailScope) {
		name = c.Email
	} else if c.Email == "" {
		name = c.Member // federated: principal://…
	}
	return userInfo{Username: name, UID: id, Groups: []string{"system:authenticated"}}
}

// subject is a principal's number. A person's is always the same, and made from the name.
func (s *Service) subject(c iam.Caller) string {
	if a, ok := s.iam.ServiceAccount(c.Email); ok && strings.HasPrefix(c.Member, "serviceAccount:") {
		return a.UniqueID
	}
	sum := sha256.Sum256([]byte(c.Member))
	return fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sum[:]))
}

// principal is a user of Kubernetes as IAM knows it; false for the cluster's own
// ("system:…"), of which IAM knows nothing.
func (s *Service) principal(username string) (iam.Caller, bool) {
	switch {
	case username == "" || strings.HasPrefix(username, "system:"):
		return iam.Caller{}, false
	case strings.HasPrefix(username, "principal://"):
		return iam.Caller{Member: username}, true
	case strings.HasSuffix(username, ".gserviceaccount.com"):
		return iam.Caller{Email: username, Member: "serviceAccount:" + username}, true
	case strings.Contains(username, "@"):
		return iam.Caller{Email: username, Member: "user:" + username}, true
	}
	if a, ok := s.iam.ServiceAccount(username); ok && !a.Deleted {
		return iam.Caller{Email: a.Email, Member: a.Member()}, true
	}
	for email := range s.iam.People() {
		c := iam.Caller{Email: email, Member: "user:" + email}
		if s.subject(c) == username {
			return c, true
		}
	}
	return iam.Caller{}, false
}
