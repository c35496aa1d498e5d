package kms

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"

	"github.com/signgate/signgate/sandbox/iam"
)

// policies are the access policies of key rings, keys and import jobs.
type policies struct{ s *Service }

// admit lets a caller at a resource's policy who may, if the resource is there.
func (p policies) admit(ctx context.Context, resource, verb string) error {
	if verb != "" {
		if err := p.s.iam.Check(iam.FromContext(ctx), policyPermission(resource, verb), resource); err != nil {
			return err
		}
	}
	find, err := p.finder(resource)
	if err != nil {
		return err
	}
	return p.s.read(find)
}

// finder looks for what a name names, when it is called.
func (p policies) finder(resource string) (func() error, error) {
	if n, err := p.s.parseJob(resource); err == nil {
		return func() error { _, err := p.s.findJob(n); return err }, nil
	}
	if n, err := p.s.parse(resource, 4); err == nil {
		return func() error { _, err := p.s.findKey(n); return err }, nil
	}
	n, err := p.s.parse(resource, 3)
	return func() error { _, err := p.s.findRing(n); return err }, err
}

func (p policies) GetIamPolicy(ctx context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if err := p.admit(ctx, req.GetResource(), "getIamPolicy"); err != nil {
		return nil, err
	}
	return p.s.iam.GetIamPolicy(req)
}

func (p policies) SetIamPolicy(ctx context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if err := p.admit(ctx, req.GetResource(), "setIamPolicy"); err != nil {
		return nil, err
	}
	return p.s.iam.SetIamPolicy(req)
}

func (p policies) TestIamPermissions(ctx context.Context, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if err := p.admit(ctx, req.GetResource(), ""); err != nil {
		return nil, err
	}
	return p.s.iam.TestIamPermissions(iam.FromContext(ctx), req)
}
