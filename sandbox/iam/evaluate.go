package iam

import (
	"slices"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/journal"
)

// grant is what a policy gives to one member.
type grant []*role

func (g grant) has(permission string) bool {
	for _, r := range g {
		if _, ok := r.permissions[permission]; ok {
			return true
		}
	}
	return false
}

// compile turns a policy round: members to roles. A role that is not known gives nothing.
func (k *IAM) compile(p *policy) map[string]grant {
	given := map[string]grant{}
	for _, b := range p.Bindings {
		r := k.role(b.Role)
		if r == nil {
			continue
		}
		for _, m := range b.Members {
			given[m] = append(given[m], r)
		}
	}
	return given
}

// Holds says whether a policy of the resource, or of what it is in (the key ring of a
// key, the project of anything in it, the organization of the project), gives the
// caller the permission.
func (k *IAM) Holds(c Caller, permission, resource string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.holds(c, permission, k.canonical(resource))
}

func (k *IAM) holds(c Caller, permission, canonical string) bool {
	if id := projectOf(canonical); id != "" && k.project(id) == nil { // none, or it is being made
		return false
	}
	names := identities(c)
	for at := canonical; at != ""; at = k.above(at) {
		policy := k.granted(at)
		for _, name := range names {
			if policy[name].has(permission) {
				return true
			}
		}
	}
	return false
}

// above is the name that a resource's name is under; "" above the organization.
func (k *IAM) above(resource string) string {
	switch {
	case resource == k.state.Organization.Name || strings.HasPrefix(resource, "billingAccounts/"):
		return ""
	case strings.Count(resource, "/") > 1:
		return resource[:strings.LastIndex(resource, "/")]
	case strings.HasPrefix(resource, "projects/") && k.project(resource[len("projects/"):]) == nil:
		return "" // no such project
	}
	return k.state.Organization.Name
}

// identities are the names by which policies can mean a caller.
func identities(c Caller) []string {
	if c.Member == "" {
		return []string{"allUsers"}
	}
	if strings.HasPrefix(c.Member, federated) {
		return federatedNames(c)
	}
	names := []string{c.Member, "allAuthenticatedUsers", "allUsers"}
	if _, host, ok := strings.Cut(c.Email, "@"); ok && strings.HasPrefix(c.Member, "user:") {
		return append(names, "domain:"+host)
	}
	return names
}

// Check is nil if the caller holds the permission on the resource, else the
// refusal. The use of the permission is journaled, either way.
func (k *IAM) Check(c Caller, permission, resource string) error {
	return k.note(c, permission, resource, k.permit(c, Rule{Permission: permission}, resource))
}

// Admit decides as the gate does, for what is no gRPC method: the API is on in the
// resource's project, the token's scopes cover it, and the caller holds the
// permission. Journaled like Check.
func (k *IAM) Admit(c Caller, r Rule, resource string) error {
	err := k.available(r.API, resource)
	if err == nil && !covers(c.Scopes, r) {
		err = scopesInsufficient(r.API, r.Method)
	}
	if err == nil {
		err = k.permit(c, r, resource)
	}
	return k.note(c, r.Permission, resource, err)
}

func (k *IAM) permit(c Caller, r Rule, resource string) error {
	if r.Permission == "" || k.Holds(c, r.Permission, resource) {
		return nil
	}
	if r.Denied != nil {
		return r.Denied(r.Permission, resource)
	}
	return PermissionDenied(r.Permission, resource)
}

func (k *IAM) note(c Caller, permission, resource string, err error) error {
	k.journal.Add(journal.Call{Time: k.clock(), Principal: c.Member, Permission: permission, Resource: resource, Code: status.Code(err).String()})
	return err
}

// available says whether an API is on in the project that a resource is in. A
// project that is not there, or deleted, has none.
func (k *IAM) available(api, resource string) error {
	rest, ok := strings.CutPrefix(resource, "projects/")
	if api == "" || !ok {
		return nil
	}
	name, _, _ := strings.Cut(rest, "/")
	if name == "-" { // any project: what follows finds it
		k.mu.RLock()
		canonical := k.canonical(resource)
		k.mu.RUnlock()
		name, _, _ = strings.Cut(canonical[len("projects/"):], "/")
		if name == "-" {
			return nil
		}
	}
	p, ok := k.Project(name)
	switch {
	case !ok || p.State != Active:
		return consumerInvalid(api, name)
	case !k.works(p, api):
		return disabled(api, k.apis.title(api), p)
	}
	return nil
}

// covers says whether one of a token's scopes is enough for the method. Scopes
// for reading only do not cover what changes something.
func covers(scopes []string, r Rule) bool {
	for _, s := range scopes {
		if s == cloudPlatform {
			return true
		}
		if slices.Contains(r.Scopes, s) && (!r.Changes || !readOnly(s)) {
			return true
		}
	}
	return len(scopes) == 0 && r.Scopes == nil && r.Permission == "" && r.API == ""
}

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

func readOnly(scope string) bool {
	return strings.HasSuffix(scope, "readonly") || strings.HasSuffix(scope, "read-only") || strings.HasSuffix(scope, "read_only")
}

// TestPermissions are those of the permissions that the caller holds on the resource.
func (k *IAM) TestPermissions(c Caller, resource string, permissions []string) []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	canonical := k.canonical(resource)
	var held []string
	for _, p := range permissions {
		if k.holds(c, p, canonical) {
			held = append(held, p)
		}
	}
	return held
}
