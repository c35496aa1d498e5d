package iam

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// admin is IAM v1: service accounts and roles.
type admin struct {
	adminpb.UnimplementedIAMServer
	iam *IAM
}

const (
	accountsMost = 100                 // in a project
	kept         = 30 * 24 * time.Hour // what is deleted can be undeleted
)

func unknownAccount() error { return status.Error(codes.NotFound, "Unknown service account") }

// find is the living account of a name; the caller holds the lock.
func (k *IAM) find(name string) *ServiceAccount {
	project, id, ok := strings.Cut(strings.TrimPrefix(name, "projects/"), "/serviceAccounts/")
	if !ok {
		return nil
	}
	if p := k.project(project); p != nil {
		project = p.ID
	}
	id, _, _ = strings.Cut(id, "/")
	return k.account(project, id)
}

func (a *admin) get(name string) (ServiceAccount, error) {
	a.iam.mu.RLock()
	defer a.iam.mu.RUnlock()
	if found := a.iam.find(name); found != nil {
		return *found, nil
	}
	return ServiceAccount{}, unknownAccount()
}

func (a *admin) ListServiceAccounts(_ context.Context, req *adminpb.ListServiceAccountsRequest) (*adminpb.ListServiceAccountsResponse, error) {
	p, ok := a.iam.Project(projectOf(req.GetName()))
	if !ok {
		return nil, accountDenied("iam.serviceAccounts.list", "")
	}
	var all []*adminpb.ServiceAccount
	a.iam.mu.RLock()
	for _, one := range a.iam.accountsOf(p.ID) {
		all = append(all, one.proto())
	}
	a.iam.mu.RUnlock()
	part, next, err := Page(all, cmp.Or(req.GetPageSize(), 20), 100, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &adminpb.ListServiceAccountsResponse{Accounts: part, NextPageToken: next}, nil
}

func (a *admin) GetServiceAccount(_ context.Context, req *adminpb.GetServiceAccountRequest) (*adminpb.ServiceAccount, error) {
	found, err := a.get(req.GetName())
	if err != nil {
		return nil, err
	}
	return found.proto(), nil
}

// validAccount checks the id of an account that is to be made.
func validAccount(id string) error {
	if len(id) < 6 || len(id) > 30 {
		return invalid("The account ID \"%s\" does not have a length between 6 and 30.", id)
	}
	if !word(id, true) || id[0] < 'a' || id[0] > 'z' || id[len(id)-1] == '-' {
		return invalid("The account ID \"%s\" must match the regular expression [a-z]([-a-z0-9]*[a-z0-9]).", id)
	}
	return nil
}

func validText(display, description string) error {
	if len(display) > 100 {
		return invalid("The display name is longer than 100 bytes.")
	}
	if len(description) > 256 {
		return invalid("The description is longer than 256 bytes.")
	}
	return nil
}

func (a *admin) CreateServiceAccount(_ context.Context, req *adminpb.CreateServiceAccountRequest) (*adminpb.ServiceAccount, error) {
	if err := validAccount(req.GetAccountId()); err != nil {
		return nil, err
	}
	want := req.GetServiceAccount()
	if err := validText(want.GetDisplayName(), want.GetDescription()); err != nil {
		return nil, err
	}
	var made ServiceAccount
	err := a.iam.change(func(s *state) error {
		p := a.iam.project(projectOf(req.GetName()))
		if p == nil {
			return accountDenied("iam.serviceAccounts.create", "")
		}
		made = ServiceAccount{
			Email: req.GetAccountId() + "@" + p.ID + ".iam.gserviceaccount.com", UniqueID: digits(21), Project: p.ID, ClientID: digits(21),
			DisplayName: want.GetDisplayName(), Description: want.GetDescription(), Serial: 1, Created: a.iam.clock(),
		}
		if a.iam.account(p.ID, made.Email) != nil {
			return Failure(codes.AlreadyExists, fmt.Sprintf("Service account %s already exists within project projects/%s.", req.GetAccountId(), p.ID),
				&errdetails.ResourceInfo{ResourceName: made.Name()})
		}
		if len(a.iam.accountsOf(p.ID)) >= accountsMost {
			return status.Error(codes.ResourceExhausted, "Maximum number of service accounts on project reached.")
		}
		s.Accounts[made.UniqueID] = &made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made.proto(), nil
}

// edit changes a living account and returns it as it is then.
func (a *admin) edit(name string, edit func(*ServiceAccount) error) (ServiceAccount, error) {
	var out ServiceAccount
	err := a.iam.change(func(*state) error {
		found := a.iam.find(name)
		if found == nil {
			return unknownAccount()
		}
		next := *found
		if err := edit(&next); err != nil {
			return err
		}
		next.Serial++
		*found, out = next, next
		return nil
	})
	return out, err
}

func (a *admin) UpdateServiceAccount(_ context.Context, want *adminpb.ServiceAccount) (*adminpb.ServiceAccount, error) {
	out, err := a.edit(want.GetName(), func(s *ServiceAccount) error {
		s.DisplayName, s.Description = want.GetDisplayName(), want.GetDescription()
		return validText(s.DisplayName, s.Description)
	})
	if err != nil {
		return nil, err
	}
	return out.proto(), nil
}

// PatchServiceAccount answers with the name and what was asked to change, and no more.
// The account's etag decides nothing: it is deprecated.
func (a *admin) PatchServiceAccount(_ context.Context, req *adminpb.PatchServiceAccountRequest) (*adminpb.ServiceAccount, error) {
	want, answer := req.GetServiceAccount(), &adminpb.ServiceAccount{}
	if len(req.GetUpdateMask().GetPaths()) == 0 {
		return nil, badRequest()
	}
	out, err := a.edit(want.GetName(), func(s *ServiceAccount) error {
		for _, path := range req.GetUpdateMask().GetPaths() {
			switch path {
			case "display_name":
				s.DisplayName, answer.DisplayName = want.GetDisplayName(), want.GetDisplayName()
			case "description":
				s.Description, answer.Description = want.GetDescription(), want.GetDescription()
			case "etag":
			default:
				return invalid("Invalid update mask: only display_name and description can be changed, not %s.", path)
			}
		}
		return validText(s.DisplayName, s.Description)
	})
	if err != nil {
		return nil, err
	}
	answer.Name = out.Name()
	return answer, nil
}

func (a *admin) EnableServiceAccount(_ context.Context, req *adminpb.EnableServiceAccountRequest) (*emptypb.Empty, error) {
	_, err := a.edit(req.GetName(), func(s *ServiceAccount) error {
		s.Disabled = false
		return nil
	})
	return &emptypb.Empty{}, err
}

func (a *admin) DisableServiceAccount(_ context.Context, req *adminpb.DisableServiceAccountRequest) (*emptypb.Empty, error) {
	_, err := a.edit(req.GetName(), func(s *ServiceAccount) error {
		s.Disabled = true
		return nil
	})
	return &emptypb.Empty{}, err
}

// DeleteServiceAccount leaves a tombstone in the policies, so that a new account of the
// same name inherits nothing, not even the policy on the old one.
func (a *admin) DeleteServiceAccount(_ context.Context, req *adminpb.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	err := a.iam.change(func(s *state) error {
		found := a.iam.find(req.GetName())
		if found == nil {
			return unknownAccount()
		}
		found.Deleted, found.Gone, found.Serial = true, a.iam.clock(), found.Serial+1
		a.iam.rename(s, found.Member(), found.tombstone())
		a.iam.movePolicy(s, found.Name(), buried(found))
		return nil
	})
	return &emptypb.Empty{}, err
}

// buried is where the policy on a deleted account is kept.
func buried(a *ServiceAccount) string {
	return "projects/" + a.Project + "/serviceAccounts/" + a.UniqueID
}

func (a *admin) UndeleteServiceAccount(_ context.Context, req *adminpb.UndeleteServiceAccountRequest) (*adminpb.UndeleteServiceAccountResponse, error) {
	var out ServiceAccount
	err := a.iam.change(func(s *state) error {
		_, id, _ := strings.Cut(req.GetName(), "/serviceAccounts/")
		found := s.Accounts[id]
		switch {
		case found == nil || a.iam.clock().Sub(found.Gone) > kept && found.Deleted:
			return unknownAccount()
		case !found.Deleted:
			return status.Error(codes.FailedPrecondition, "Service account is not deleted.")
		case a.iam.account(found.Project, found.Email) != nil:
			return status.Errorf(codes.AlreadyExists, "Service account %s already exists.", found.Email)
		}
		a.iam.rename(s, found.tombstone(), found.Member())
		a.iam.movePolicy(s, buried(found), found.Name())
		found.Deleted, found.Gone, found.Serial = false, time.Time{}, found.Serial+1
		out = *found
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &adminpb.UndeleteServiceAccountResponse{RestoredAccount: out.proto()}, nil
}

// movePolicy keeps a policy under another name; the caller holds the lock.
func (k *IAM) movePolicy(s *state, from, to string) {
	if p := s.Policies[from]; p != nil {
		s.Policies[to], k.grants[to] = p, k.grants[from]
		delete(s.Policies, from)
		delete(k.grants, from)
	}
}

// ServiceAccounts are the living ones of a project, by e-mail address.
func (k *IAM) ServiceAccounts(project string) []ServiceAccount {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var all []ServiceAccount
	for _, a := range k.accountsOf(project) {
		all = append(all, *a)
	}
	return all
}

// permissionNames are all that some role gives, sorted.
func (r *roles) permissionNames() []string { return slices.Sorted(maps.Keys(r.known)) }
