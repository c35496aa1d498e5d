package steps

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// Check is one thing that is looked at before a setup.
type Check struct {
	ID      string // "sign-in", "project", "billing", "apis", or a permission
	Title   string
	State   CheckState
	Detail  string
	Problem *problem.Problem // of a Fail
}

// CheckState is how a check ended.
type CheckState string

// The states of a check.
const (
	Pass    CheckState = "pass"
	Fail    CheckState = "fail"
	Unknown CheckState = "cannot tell"
)

// Preflight looks at everything that a setup needs before it begins: sign-in,
// project, billing, APIs and each permission. It changes nothing, reports each
// check, and goes on after one that failed as far as that has a meaning.
func Preflight(ctx context.Context, a state.Answers, c *gcp.Clients, report func(Check)) error {
	on := cloud{NamesOf(a), c}
	if err := c.SignIn(ctx); err != nil {
		report(failed("sign-in", "signed in to Google", problem.From(err)))
		return ctx.Err()
	}
	report(Check{ID: "sign-in", Title: "signed in to Google", State: Pass, Detail: c.Account()})
	p, err := c.GetProject(ctx, a.Project)
	if _, off := gcp.Disabled(err); !off && gcp.Is(err, codes.NotFound, codes.PermissionDenied) {
		report(failed("project", "project "+a.Project, problem.Raise("project-not-found", err)))
		return nil
	}
	switch {
	case err != nil:
		report(failed("project", "project "+a.Project, problem.From(err)))
		return ctx.Err()
	case p.State != "ACTIVE":
		report(failed("project", "project "+a.Project, raise("project-deleting", "project %s is %s", a.Project, p.State)))
		return nil
	}
	report(Check{ID: "project", Title: "project " + a.Project, State: Pass, Detail: "number " + p.Number})
	on.checkBilling(ctx, report)
	on.checkAPIs(ctx, report)
	on.checkPermissions(ctx, report)
	return ctx.Err()
}

func failed(id, title string, p *problem.Problem) Check {
	return Check{ID: id, Title: title, State: Fail, Problem: p}
}

func (s cloud) checkBilling(ctx context.Context, report func(Check)) {
	check := Check{ID: "billing", Title: "billing", State: Pass}
	billing, account, err := s.c.ProjectBilling(ctx, s.a.Project)
	switch check.Detail = account; {
	case err != nil:
		check = failed(check.ID, check.Title, problem.From(err))
	case billing == gcp.BillingUnknown:
		check.State, check.Detail = Unknown, "this account may not see it"
	case billing == gcp.BillingOff:
		check = failed(check.ID, check.Title, raise("billing-missing", "project %s has no open billing account", s.a.Project))
	}
	report(check)
}

func (s cloud) checkAPIs(ctx context.Context, report func(Check)) {
	check := Check{ID: "apis", Title: "APIs", State: Pass, Detail: "all of them are on"}
	off, err := apis{s}.off(ctx)
	switch {
	case err != nil:
		check = failed(check.ID, check.Title, problem.From(err))
	case len(off) > 0:
		check.Detail = "signgate apply switches on " + strings.Join(off, ", ")
	}
	report(check)
}

func (s cloud) checkPermissions(ctx context.Context, report func(Check)) {
	var wanted []string
	for _, n := range needsOf(s.a) {
		wanted = append(wanted, n.Permission)
	}
	missing, err := s.c.MissingPermissions(ctx, s.a.Project, wanted)
	if err != nil {
		report(failed("permissions", "permissions", problem.From(err)))
		return
	}
	for _, n := range needsOf(s.a) {
		check := Check{ID: n.Permission, Title: "permission", State: Pass, Detail: n.Permission}
		if slices.Contains(missing, n.Permission) {
			p := raise("permissions-missing", "%s is missing", n.Permission)
			p.Fix = "ask an owner to run: " + shell("gcloud", "projects", "add-iam-policy-binding", s.a.Project, "--member=user:ACCOUNT", "--role="+n.Role)
			check.State, check.Problem = Fail, p
		}
		report(check)
	}
}
