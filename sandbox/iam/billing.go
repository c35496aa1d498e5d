package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// billing is Cloud Billing v1: who pays for what.
type billing struct {
	billingpb.UnimplementedCloudBillingServer
	iam *IAM
}

func billingRules() []Rule {
	const service = "/google.cloud.billing.v1.CloudBilling/"
	rules := []Rule{
		{Method: service + "GetBillingAccount", Permission: "billing.accounts.get"},
		{Method: service + "ListBillingAccounts", None: "lists what the caller may get"},
		{Method: service + "UpdateBillingAccount", Permission: "billing.accounts.update", Changes: true},
		{Method: service + "CreateBillingAccount", Permission: "billing.accounts.create", Changes: true, Unserved: true, Resource: accountParent},
		{Method: service + "ListProjectBillingInfo", Permission: "billing.resourceAssociations.list"},
		{Method: service + "GetProjectBillingInfo", Permission: "resourcemanager.projects.get"},
		{Method: service + "UpdateProjectBillingInfo", Permission: "resourcemanager.projects.createBillingAssignment", Changes: true},
		{Method: service + "GetIamPolicy", Permission: "billing.accounts.getIamPolicy"},
		{Method: service + "SetIamPolicy", Permission: "billing.accounts.setIamPolicy", Changes: true},
		{Method: service + "TestIamPermissions", None: "says what the caller holds"},
		{Method: service + "MoveBillingAccount", Permission: "billing.accounts.move", Changes: true, Unserved: true},
	}
	for i := range rules {
		rules[i].API, rules[i].Denied = Billing, CallerDenied
	}
	return rules
}

func accountParent(m proto.Message) string {
	if req, ok := m.(*billingpb.CreateBillingAccountRequest); ok && req.GetParent() == "" {
		return req.GetBillingAccount().GetMasterBillingAccount()
	}
	return Target(m)
}

func (b *billing) proto(a BillingAccount) *billingpb.BillingAccount {
	return &billingpb.BillingAccount{Name: a.Name, Open: a.Open, DisplayName: a.DisplayName, Parent: b.iam.Organization().Name, CurrencyCode: "USD"}
}

// BillingAccount looks one up.
func (k *IAM) BillingAccount(name string) (BillingAccount, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if a := k.state.Billing[name]; a != nil {
		return *a, true
	}
	return BillingAccount{}, false
}

// CloseBillingAccount closes an account, which then pays for nothing: for worlds that differ
// from the first one.
func (k *IAM) CloseBillingAccount(name string) error {
	return k.change(func(s *state) error {
		a := s.Billing[name]
		if a == nil {
			return CallerDenied("", "")
		}
		a.Open = false
		return nil
	})
}

// Pays says whether an open billing account pays for a project.
func (k *IAM) Pays(project string) bool {
	p, ok := k.Project(project)
	if !ok {
		return false
	}
	a, ok := k.BillingAccount(p.BillingAccount)
	return ok && a.Open
}

func (b *billing) info(p Project) *billingpb.ProjectBillingInfo {
	return &billingpb.ProjectBillingInfo{
		Name: "projects/" + p.ID + "/billingInfo", ProjectId: p.ID, BillingAccountName: p.BillingAccount, BillingEnabled: b.iam.Pays(p.ID),
	}
}

func (b *billing) found(name string) (BillingAccount, error) {
	a, ok := b.iam.BillingAccount(name)
	if !ok {
		return a, CallerDenied("", "")
	}
	return a, nil
}

func (b *billing) GetBillingAccount(_ context.Context, req *billingpb.GetBillingAccountRequest) (*billingpb.BillingAccount, error) {
	a, err := b.found(req.GetName())
	if err != nil {
		return nil, err
	}
	return b.proto(a), nil
}

func (b *billing) ListBillingAccounts(ctx context.Context, req *billingpb.ListBillingAccountsRequest) (*billingpb.ListBillingAccountsResponse, error) {
	open, filtered := strings.CutPrefix(strings.ReplaceAll(req.GetFilter(), " ", ""), "open=")
	if !filtered && req.GetFilter() != "" && !strings.HasPrefix(req.GetFilter(), "master_billing_account=") {
		return nil, badRequest()
	}
	b.iam.mu.RLock()
	names := slices.Sorted(maps.Keys(b.iam.state.Billing))
	b.iam.mu.RUnlock()
	var all []*billingpb.BillingAccount
	for _, name := range names {
		a, _ := b.iam.BillingAccount(name)
		switch {
		case !b.iam.Holds(FromContext(ctx), "billing.accounts.get", name):
		case filtered && (open == "true") != a.Open:
		case !filtered && req.GetFilter() != "": // there are no accounts below others
		default:
			all = append(all, b.proto(a))
		}
	}
	part, next, err := Page(all, req.GetPageSize(), 100, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &billingpb.ListBillingAccountsResponse{BillingAccounts: part, NextPageToken: next}, nil
}

func (b *billing) UpdateBillingAccount(_ context.Context, req *billingpb.UpdateBillingAccountRequest) (*billingpb.BillingAccount, error) {
	for _, path := range req.GetUpdateMask().GetPaths() {
		if path != "display_name" {
			return nil, badRequest()
		}
	}
	if req.GetAccount().GetDisplayName() == "" {
		return nil, badRequest()
	}
	err := b.iam.change(func(s *state) error {
		a := s.Billing[req.GetName()]
		if a == nil {
			return CallerDenied("", "")
		}
		a.DisplayName = req.GetAccount().GetDisplayName()
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, err := b.found(req.GetName())
	return b.proto(a), err
}

func (b *billing) ListProjectBillingInfo(_ context.Context, req *billingpb.ListProjectBillingInfoRequest) (*billingpb.ListProjectBillingInfoResponse, error) {
	var all []*billingpb.ProjectBillingInfo
	for _, p := range b.iam.Projects() {
		if p.BillingAccount == req.GetName() {
			all = append(all, b.info(p))
		}
	}
	part, next, err := Page(all, req.GetPageSize(), 100, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &billingpb.ListProjectBillingInfoResponse{ProjectBillingInfo: part, NextPageToken: next}, nil
}

func (b *billing) GetProjectBillingInfo(_ context.Context, req *billingpb.GetProjectBillingInfoRequest) (*billingpb.ProjectBillingInfo, error) {
	p, ok := b.iam.Project(projectOf(req.GetName()))
	if !ok {
		return nil, CallerDenied("", "")
	}
	return b.info(p), nil
}

// UpdateProjectBillingInfo links a project to an account that the caller may use, or to none.
func (b *billing) UpdateProjectBillingInfo(ctx context.Context, req *billingpb.UpdateProjectBillingInfoRequest) (*billingpb.ProjectBillingInfo, error) {
	k, c, id := b.iam, FromContext(ctx), projectOf(req.GetName())
	account := req.GetProjectBillingInfo().GetBillingAccountName()
	need := Rule{Permission: "billing.resourceAssociations.create", Denied: CallerDenied}
	switch {
	case account == "":
		if err := k.permit(c, Rule{Permission: "resourcemanager.projects.deleteBillingAssignment", Denied: CallerDenied}, req.GetName()); err != nil {
			return nil, err
		}
	case !strings.HasPrefix(account, "billingAccounts/"):
		return nil, badRequest()
	default:
		if err := k.permit(c, need, account); err != nil {
			return nil, err
		}
	}
	err := k.change(func(*state) error {
		p := k.project(id)
		if p == nil {
			return CallerDenied("", "")
		}
		if p.State != Active {
			return status.Error(codes.FailedPrecondition, "Precondition check failed.")
		}
		if err := k.mayLink(p, account); err != nil {
			return err
		}
		p.BillingAccount = account
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.GetProjectBillingInfo(ctx, &billingpb.GetProjectBillingInfoRequest{Name: req.GetName()})
}

func (b *billing) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := b.found(req.GetResource()); err != nil {
		return nil, err
	}
	return b.iam.GetIamPolicy(req)
}

func (b *billing) SetIamPolicy(_ context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := b.found(req.GetResource()); err != nil {
		return nil, err
	}
	return b.iam.SetIamPolicy(req)
}

func (b *billing) TestIamPermissions(ctx context.Context, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := b.found(req.GetResource()); err != nil {
		return nil, err
	}
	return b.iam.TestIamPermissions(FromContext(ctx), req)
}
