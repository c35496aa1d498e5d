package iam

import (
	"cmp"
	"context"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (r *role) proto(view adminpb.RoleView) *adminpb.Role {
	out := &adminpb.Role{Name: r.Name, Title: r.Title, Description: r.Description, Stage: adminpb.Role_GA, Etag: []byte{0}}
	if view == adminpb.RoleView_FULL {
		out.IncludedPermissions = r.sorted()
	}
	return out
}

// predefined are the roles that have a name of their own, and pass.
func (a *admin) predefined(view adminpb.RoleView, pass func(*role) bool) []*adminpb.Role {
	var all []*adminpb.Role
	for _, name := range a.iam.roles.names {
		if r := a.iam.roles.byName[name]; strings.HasPrefix(name, "roles/") && pass(r) {
			all = append(all, r.proto(view))
		}
	}
	return all
}

func (a *admin) ListRoles(ctx context.Context, req *adminpb.ListRolesRequest) (*adminpb.ListRolesResponse, error) {
	all := []*adminpb.Role(nil)
	if parent := req.GetParent(); parent == "" {
		all = a.predefined(req.GetView(), func(*role) bool { return true })
	} else if a.iam.Holds(FromContext(ctx), "iam.roles.list", parent) {
		all = a.customRoles(parent, req.GetView(), req.GetShowDeleted())
	} else {
		return nil, custom("list", parent)
	}
	part, next, err := Page(all, cmp.Or(req.GetPageSize(), 300), 1000, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &adminpb.ListRolesResponse{Roles: part, NextPageToken: next}, nil
}

// custom is the refusal of the roles of a project or an organization.
func custom(verb, resource string) error {
	return status.Errorf(codes.PermissionDenied, "You don't have permission to %s the roles in %s.", verb, resource)
}

func (a *admin) GetRole(ctx context.Context, req *adminpb.GetRoleRequest) (*adminpb.Role, error) {
	name := req.GetName()
	if parent, _, ok := strings.Cut(name, "/roles/"); ok && !a.iam.Holds(FromContext(ctx), "iam.roles.get", parent) {
		return nil, status.Errorf(codes.PermissionDenied, "You don't have permission to get the role at %s.", name)
	}
	a.iam.mu.RLock()
	defer a.iam.mu.RUnlock()
	if c := a.iam.state.Roles[a.iam.roleName(name)]; c != nil {
		return c.proto(adminpb.RoleView_FULL), nil
	}
	r := a.iam.roles.byName[name]
	if r == nil || !strings.HasPrefix(name, "roles/") {
		return nil, noRole(name)
	}
	return r.proto(adminpb.RoleView_FULL), nil
}

// relative is a resource's name without its service: "//SERVICE/NAME".
func relative(full string) (string, error) {
	_, name, ok := strings.Cut(strings.TrimPrefix(full, "//"), "/")
	if !ok || !strings.HasPrefix(full, "//") || !named(name) {
		return "", invalid("Invalid full resource name: %s.", full)
	}
	return name, nil
}

// QueryGrantableRoles are those that give something on the resource.
func (a *admin) QueryGrantableRoles(_ context.Context, req *adminpb.QueryGrantableRolesRequest) (*adminpb.QueryGrantableRolesResponse, error) {
	name, err := relative(req.GetFullResourceName())
	if err != nil {
		return nil, err
	}
	all := a.predefined(req.GetView(), func(r *role) bool {
		for p := range r.permissions {
			if a.iam.Testable(name, p) {
				return true
			}
		}
		return false
	})
	part, next, err := Page(all, cmp.Or(req.GetPageSize(), 300), 2000, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &adminpb.QueryGrantableRolesResponse{Roles: part, NextPageToken: next}, nil
}

func (a *admin) QueryTestablePermissions(_ context.Context, req *adminpb.QueryTestablePermissionsRequest) (*adminpb.QueryTestablePermissionsResponse, error) {
	name, err := relative(req.GetFullResourceName())
	if err != nil {
		return nil, err
	}
	var all []*adminpb.Permission
	for _, p := range a.iam.roles.permissionNames() {
		if a.iam.Testable(name, p) {
			all = append(all, &adminpb.Permission{Name: p, Stage: adminpb.Permission_GA})
		}
	}
	part, next, err := Page(all, cmp.Or(req.GetPageSize(), 100), 1000, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &adminpb.QueryTestablePermissionsResponse{Permissions: part, NextPageToken: next}, nil
}
