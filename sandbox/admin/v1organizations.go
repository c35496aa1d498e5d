package admin

import (
	"context"
	"net/http"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

func shown(o iam.Organization) organization {
	return organization{DisplayName: o.DisplayName, LifecycleState: "ACTIVE", Name: o.Name, Owner: &owner{DirectoryCustomerID: o.Customer()}}
}

func (v *v1) organization(w http.ResponseWriter, r *http.Request) {
	resource := "organizations/" + r.PathValue("id")
	v.serve(w, r, "Organizations/GetOrganization", iam.Rule{Permission: "resourcemanager.organizations.get"}, resource, func(context.Context) (any, error) {
		o := v.iam.Organization()
		if o.Name != resource {
			return nil, iam.CallerDenied("", "")
		}
		return shown(o), nil
	})
}

func (v *v1) organizations(w http.ResponseWriter, r *http.Request) {
	v.serve(w, r, "Organizations/SearchOrganizations", iam.Rule{None: "finds what the caller may get"}, "", func(ctx context.Context) (any, error) {
		if err := front.DecodeBody(r, message("SearchOrganizationsRequest")); err != nil {
			return nil, err
		}
		out, o := organizationList{}, v.iam.Organization()
		if v.iam.Holds(iam.FromContext(ctx), "resourcemanager.organizations.get", o.Name) {
			out.Organizations = append(out.Organizations, shown(o))
		}
		return out, nil
	})
}
