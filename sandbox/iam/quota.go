package iam

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The limits that SetQuota may name.
const (
	LinkedProjects = "LINKED_PROJECTS" // that one billing account pays for
	AllProjects    = "PROJECTS"        // that the organization has, those being deleted too
)

// Limits are what SetQuota may name.
func Limits() []string { return []string{LinkedProjects, AllProjects} }

// SetQuota limits what is made from now on; what is not named has no limit.
func (k *IAM) SetQuota(limits map[string]float64) {
	k.limits.Store(&limits)
}

// room says whether one more may be added to those that there are.
func (k *IAM) room(limit string, there int) bool {
	limits := k.limits.Load()
	if limits == nil {
		return true
	}
	most, limited := (*limits)[limit]
	return !limited || float64(there) < most
}

// mayLink is nil if the account can pay for the project too; the caller holds the lock.
func (k *IAM) mayLink(p *Project, account string) error {
	if account == "" || p.BillingAccount == account {
		return nil
	}
	there := 0
	for _, other := range k.state.Projects {
		if other.BillingAccount == account {
			there++
		}
	}
	if k.room(LinkedProjects, there) {
		return nil
	}
	return Failure(codes.FailedPrecondition, "Precondition check failed.", &errdetails.QuotaFailure{
		Violations: []*errdetails.QuotaFailure_Violation{{
			Subject:     account,
			Description: "Cloud billing quota exceeded: https://support.google.com/code/contact/billing_quota_increase",
		}}})
}

// noMoreProjects is how making one more ends.
func noMoreProjects() *status.Status {
	return status.New(codes.ResourceExhausted, "The project cannot be created because you have exceeded your allotted project quota.")
}
