package iam

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Organization is the one that all projects are in.
func (k *IAM) Organization() Organization {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.state.Organization
}

// organizations is Resource Manager v3, as far as the one organization goes.
type organizations struct {
	resourcemanagerpb.UnimplementedOrganizationsServer
	iam *IAM
}

// Customer is the organization's id in the directory of its people.
func (o Organization) Customer() string { return "C0" + o.Name[len(o.Name)-7:] }

func (o Organization) proto() *resourcemanagerpb.Organization {
	return &resourcemanagerpb.Organization{
		Name: o.Name, DisplayName: o.DisplayName, State: resourcemanagerpb.Organization_ACTIVE,
		Owner: &resourcemanagerpb.Organization_DirectoryCustomerId{DirectoryCustomerId: o.Customer()},
	}
}

// found refuses any other organization.
func (o *organizations) found(name string) (Organization, error) {
	org := o.iam.Organization()
	if name != org.Name {
		return org, status.Error(codes.PermissionDenied, "The caller does not have permission")
	}
	return org, nil
}

func (o *organizations) GetOrganization(_ context.Context, req *resourcemanagerpb.GetOrganizationRequest) (*resourcemanagerpb.Organization, error) {
	org, err := o.found(req.GetName())
	if err != nil {
		return nil, err
	}
	return org.proto(), nil
}

func (o *organizations) SearchOrganizations(ctx context.Context, _ *resourcemanagerpb.SearchOrganizationsRequest) (*resourcemanagerpb.SearchOrganizationsResponse, error) {
	org, out := o.iam.Organization(), &resourcemanagerpb.SearchOrganizationsResponse{}
	if o.iam.Holds(FromContext(ctx), "resourcemanager.organizations.get", org.Name) {
		out.Organizations = append(out.Organizations, org.proto())
	}
	return out, nil
}

func (o *organizations) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := o.found(req.GetResource()); err != nil {
		return nil, err
	}
	return o.iam.GetIamPolicy(req)
}

func (o *organizations) SetIamPolicy(_ context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := o.found(req.GetResource()); err != nil {
		return nil, err
	}
	return o.iam.SetIamPolicy(req)
}

func (o *organizations) TestIamPermissions(ctx context.Context, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := o.found(req.GetResource()); err != nil {
		return nil, err
	}
	return o.iam.TestIamPermissions(FromContext(ctx), req)
}

// folders is Resource Manager v3, as far as folders go: there are none to be found.
type folders struct {
	resourcemanagerpb.UnimplementedFoldersServer
}

func (*folders) SearchFolders(context.Context, *resourcemanagerpb.SearchFoldersRequest) (*resourcemanagerpb.SearchFoldersResponse, error) {
	return &resourcemanagerpb.SearchFoldersResponse{}, nil
}

func (*folders) TestIamPermissions(context.Context, *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	return nil, CallerDenied("", "")
}
