package iam

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"
)

func (a *admin) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := a.get(req.GetResource()); err != nil {
		return nil, err
	}
	return a.iam.GetIamPolicy(req)
}

func (a *admin) SetIamPolicy(_ context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := a.get(req.GetResource()); err != nil {
		return nil, err
	}
	return a.iam.SetIamPolicy(req)
}

func (a *admin) TestIamPermissions(ctx context.Context, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := a.get(req.GetResource()); err != nil {
		return nil, err
	}
	return a.iam.TestIamPermissions(FromContext(ctx), req)
}
