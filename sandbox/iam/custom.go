package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// customRole is one that a project or the organization has made for itself.
type customRole struct {
	Name        string    `json:"name"` // "projects/P/roles/ID"
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Stage       int32     `json:"stage,omitempty"`
	Permissions []string  `json:"permissions,omitempty"` // sorted
	Serial      uint64    `json:"serial"`
	Deleted     bool      `json:"deleted,omitempty"`
	Gone        time.Time `json:"gone"`
}

func (r *customRole) etag() []byte { return (&policy{Serial: r.Serial}).etag() }

func (r *customRole) proto(view adminpb.RoleView) *adminpb.Role {
	out := &adminpb.Role{Name: r.Name, Title: r.Title, Description: r.Description, Stage: adminpb.Role_RoleLaunchStage(r.Stage),
		Etag: r.etag(), Deleted: r.Deleted}
	if view == adminpb.RoleView_FULL {
		out.IncludedPermissions = r.Permissions
	}
	return out
}

// role is one that policies can name; nil if there is none. The caller holds the lock.
func (k *IAM) role(name string) *role {
	if strings.HasPrefix(name, "roles/") {
		return k.roles.byName[name]
	}
	c := k.state.Roles[name]
	if c == nil || c.Deleted {
		return nil
	}
	r := &role{Name: c.Name, permissions: map[string]struct{}{}}
	for _, p := range c.Permissions {
		r.permissions[p] = struct{}{}
	}
	return r
}

// grantable says whether a role can be given on a resource: those of a project in it only.
func (k *IAM) grantable(name, resource string) bool {
	if k.role(name) == nil {
		return false
	}
	parent, _, custom := strings.Cut(name, "/roles/")
	return !custom || !strings.HasPrefix(parent, "projects/") || resource == parent || strings.HasPrefix(resource, parent+"/")
}

// roleName is a custom role's name with its project's id; the caller holds the lock.
func (k *IAM) roleName(name string) string {
	parent, id, ok := strings.Cut(name, "/roles/")
	if !ok {
		return name
	}
	return k.canonical(parent) + "/roles/" + id
}

// editRole changes a custom role, and what it gives to those who have it. An etag that the
// role no longer has is a conflict.
func (a *admin) editRole(name string, etag []byte, edit func(*customRole) error) (*adminpb.Role, error) {
	var out *adminpb.Role
	err := a.iam.change(func(s *state) error {
		old := s.Roles[a.iam.roleName(name)]
		if old == nil {
			return noRole(name)
		}
		if err := concurrent(etag, old.etag()); err != nil {
			return err
		}
		next := *old
		if err := edit(&next); err != nil {
			return err
		}
		next.Serial++
		*old = next
		a.iam.regrant(old.Name)
		out = old.proto(adminpb.RoleView_FULL)
		return nil
	})
	return out, err
}

// regrant puts policies that name a role in effect anew; the caller holds the lock.
func (k *IAM) regrant(role string) {
	for resource, p := range k.state.Policies {
		if slices.ContainsFunc(p.Bindings, func(b binding) bool { return b.Role == role }) {
			k.grant(resource, k.compile(p))
		}
	}
}

func noRole(name string) error {
	return status.Errorf(codes.NotFound, "The role named %s was not found.", name)
}

// fill takes over what a client says of a role, as far as the paths go.
func (a *admin) fill(r *customRole, want *adminpb.Role, paths []string) error {
	for _, path := range paths {
		switch path {
		case "title":
			r.Title = want.GetTitle()
		case "description":
			r.Description = want.GetDescription()
		case "stage":
			r.Stage = int32(want.GetStage())
		case "included_permissions":
			r.Permissions = slices.Clone(want.GetIncludedPermissions())
			slices.Sort(r.Permissions)
			r.Permissions = slices.Compact(r.Permissions)
		case "etag": // editRole has looked at it
		default:
			return badRequest()
		}
	}
	for _, p := range r.Permissions {
		if _, ok := a.iam.roles.known[p]; !ok {
			return invalid("Permission %s is not valid.", p)
		}
	}
	if len(r.Title) > 100 || len(r.Description) > 300 {
		return badRequest()
	}
	return nil
}

func roleFields() []string { return []string{"title", "description", "included_permissions", "stage"} }

func (a *admin) CreateRole(_ context.Context, req *adminpb.CreateRoleRequest) (*adminpb.Role, error) {
	id := req.GetRoleId()
	if len(id) < 3 || len(id) > 64 || !word(strings.ToLower(strings.NewReplacer("_", "", ".", "").Replace(id)), false) {
		return nil, invalid("The role_id %q must have 3 to 64 letters, digits, underscores and periods.", id)
	}
	r := &customRole{Serial: 1}
	if err := a.fill(r, req.GetRole(), roleFields()); err != nil {
		return nil, err
	}
	err := a.iam.change(func(s *state) error {
		r.Name = a.iam.canonical(req.GetParent()) + "/roles/" + id
		if s.Roles[r.Name] != nil {
			return status.Errorf(codes.AlreadyExists, "A role named %s in %s already exists.", id, req.GetParent())
		}
		if s.Roles == nil {
			s.Roles = map[string]*customRole{}
		}
		s.Roles[r.Name] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.proto(adminpb.RoleView_FULL), nil
}

func (a *admin) UpdateRole(_ context.Context, req *adminpb.UpdateRoleRequest) (*adminpb.Role, error) {
	paths := req.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		paths = roleFields()
	}
	return a.editRole(req.GetName(), req.GetRole().GetEtag(), func(r *customRole) error {
		if r.Deleted {
			return status.Error(codes.FailedPrecondition, "You can't update a deleted role.")
		}
		return a.fill(r, req.GetRole(), paths)
	})
}

// DeleteRole leaves the role's bindings, which give nothing until it is undeleted.
func (a *admin) DeleteRole(_ context.Context, req *adminpb.DeleteRoleRequest) (*adminpb.Role, error) {
	return a.editRole(req.GetName(), req.GetEtag(), func(r *customRole) error {
		if r.Deleted {
			return status.Error(codes.FailedPrecondition, "You can't delete a role that is already deleted.")
		}
		r.Deleted, r.Gone = true, a.iam.clock()
		return nil
	})
}

func (a *admin) UndeleteRole(_ context.Context, req *adminpb.UndeleteRoleRequest) (*adminpb.Role, error) {
	return a.editRole(req.GetName(), req.GetEtag(), func(r *customRole) error {
		if !r.Deleted || a.iam.clock().Sub(r.Gone) > kept {
			return status.Error(codes.FailedPrecondition, "You can't undelete a role that is not deleted.")
		}
		r.Deleted, r.Gone = false, time.Time{}
		return nil
	})
}

// customRoles are those of a project or organization, by name.
func (a *admin) customRoles(parent string, view adminpb.RoleView, deleted bool) []*adminpb.Role {
	a.iam.mu.RLock()
	defer a.iam.mu.RUnlock()
	var all []*adminpb.Role
	for _, name := range slices.Sorted(maps.Keys(a.iam.state.Roles)) {
		r := a.iam.state.Roles[name]
		if strings.HasPrefix(name, a.iam.canonical(parent)+"/roles/") && (deleted || !r.Deleted) {
			all = append(all, r.proto(view))
		}
	}
	return all
}
