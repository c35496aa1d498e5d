package admin

import (
	"context"
	"net/http"
	"strings"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

const generateIdentity = ":generateServiceIdentity"

// usage is Service Usage: v1, v1beta1 as far as it is the same, and what that has alone.
type usage struct{ alone, rest http.Handler }

func (u usage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1beta1/") && strings.HasSuffix(r.URL.Path, generateIdentity) {
		u.alone.ServeHTTP(w, r)
		return
	}
	u.rest.ServeHTTP(w, r)
}

// identities makes the identity of a service in a project:
// POST /v1beta1/projects/P/services/S:generateServiceIdentity.
type identities struct{ iam *iam.IAM }

type identityMade struct {
	Name     string `json:"name"`
	Done     bool   `json:"done"`
	Response struct {
		Type string `json:"@type"`
		iam.ServiceIdentity
	} `json:"response"`
}

func (i identities) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1beta1/"), generateIdentity)
	part := strings.Split(name, "/")
	if r.Method != http.MethodPost || len(part) != 4 || part[0] != "projects" || part[2] != "services" {
		front.NotFound(w, r)
		return
	}
	front.ServeBesides(i.iam, w, r, iam.IdentityRule(), name, func(context.Context) (any, error) {
		if err := front.DecodeBody(r, message("GenerateServiceIdentityRequest")); err != nil {
			return nil, err
		}
		made := identityMade{Name: iam.FinishedOperation, Done: true}
		made.Response.Type = "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity"
		var err error
		made.Response.ServiceIdentity, err = i.iam.ServiceIdentity(part[1], part[3])
		return made, err
	})
}
