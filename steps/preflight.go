package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// preflight looks at everything that a setup needs before it begins. It changes nothing.
type preflight struct {
	cloud
	tell func(engine.Check)
}

// Preflight looks at clock, sign-in, project, billing, location, APIs and each permission. It
// changes nothing, reports each check as it starts and as it ends (one at a time),
// goes on after one that failed as far as that has a meaning, and returns how all of
// them ended, in the order in which they are listed. The doctor, the wizard's
// preflight and the first step's inspection are this.
func Preflight(ctx context.Context, a state.Answers, c *gcp.Clients, report func(engine.Check)) ([]engine.Check, error) {
	var one sync.Mutex
	s := preflight{cloud{Names: NamesOf(a), c: c}, func(c engine.Check) {
		one.Lock()
		defer one.Unlock()
		report(c)
	}}
	all := together(
		func() []engine.Check { return s.checkClock(ctx) },
		func() []engine.Check { return s.checkSignIn(ctx) })
	if len(failures(all)) > 0 || ctx.Err() != nil {
		return all, ctx.Err()
	}
	project, there := s.checkProject(ctx)
	all = append(all, project)
	switch {
	case ctx.Err() != nil || project.State == engine.CheckFail:
		return all, ctx.Err()
	case !there:
		all = append(all, s.checkNewProject(ctx)...)
		return append(all, s.checkLocation(ctx, nil)...), ctx.Err() // nobody can be asked yet
	}
	return append(all, together(
		func() []engine.Check { return s.checkQuotaProject(ctx) },
		func() []engine.Check { return s.checkBilling(ctx) },
		func() []engine.Check { return s.checkLocation(ctx, s.placed()) },
		func() []engine.Check { return s.checkAPIs(ctx) },
		func() []engine.Check { return s.checkPermissions(ctx) })...), ctx.Err()
}

// together runs checks side by side and gives their outcomes in order.
func together(parts ...func() []engine.Check) []engine.Check {
	outcomes := make([][]engine.Check, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { outcomes[i] = part() })
	}
	wg.Wait()
	return slices.Concat(outcomes...)
}

// check reports one check as it starts and as it ends.
func (s preflight) check(id, group, title string, do func() engine.Check) engine.Check {
	s.tell(engine.Check{ID: id, Group: group, Title: title, State: engine.CheckRunning})
	c := do()
	c.ID, c.Group, c.Title = id, group, title
	s.tell(c)
	return c
}

func pass(format string, args ...any) engine.Check {
	return engine.Check{State: engine.CheckPass, Detail: fmt.Sprintf(format, args...)}
}

func fail(p *problem.Problem) engine.Check {
	return engine.Check{State: engine.CheckFail, Problem: p}
}

func cannotTell(why string) engine.Check {
	return engine.Check{State: engine.CheckUnknown, Detail: why}
}

// failures are the checks that failed.
func failures(all []engine.Check) []engine.Check {
	var failed []engine.Check
	for _, c := range all {
		if c.State == engine.CheckFail {
			failed = append(failed, c)
		}
	}
	return failed
}

// tolerance is how wrong a clock may be. Google takes signed requests for tokens that
// are up to five minutes off or so, and says of others that the JWT is invalid.
const tolerance = 5 * time.Minute

func (s preflight) checkClock(ctx context.Context) []engine.Check {
	return []engine.Check{s.check("clock", "you", "clock", func() engine.Check {
		skew, err := s.c.ClockSkew(ctx)
		way := "ahead of"
		if skew < 0 {
			way = "behind"
		}
		switch {
		case err != nil && problem.From(err).ID == "clock-wrong":
			return fail(problem.From(err))
		case err != nil:
			return cannotTell(problem.Words(err))
		case skew.Abs() > tolerance:
			return fail(raise("clock-wrong", "this machine's clock is %s %s Google's", skew.Abs(), way))
		case skew.Abs() > time.Minute:
			return pass("%s %s Google's", skew.Abs(), way)
		}
		return pass("as Google's")
	})}
}

func (s preflight) checkSignIn(ctx context.Context) []engine.Check {
	return []engine.Check{s.check("sign-in", "you", "signed in to Google", func() engine.Check {
		if err := s.c.SignIn(ctx); err != nil {
			return fail(problem.From(err))
		}
		return pass("%s", s.c.Account())
	})}
}

// checkProject says whether the project can be used, and whether it is there: with
// NewProject it need not be.
func (s preflight) checkProject(ctx context.Context) (c engine.Check, there bool) {
	c = s.check("project", "project", "project "+s.a.Project, func() engine.Check {
		p, err := s.c.GetProject(ctx, s.a.Project)
		_, off := gcp.Disabled(err)
		switch {
		case err == nil:
			there = true
		case off || strings.HasPrefix(problem.From(err).ID, "quota-project"):
			return fail(problem.From(err))
		case gcp.Is(err, codes.NotFound, codes.PermissionDenied) && s.a.NewProject:
			return pass("is to be made")
		case gcp.Is(err, codes.NotFound, codes.PermissionDenied):
			return fail(problem.Raise("project-not-found", err))
		default:
			return fail(problem.From(err))
		}
		if p.State != "ACTIVE" {
			return fail(raise("project-deleting", "project %s is %s", s.a.Project, p.State))
		}
		return pass("number %s", p.Number)
	})
	return c, there
}

// checkNewProject is what can be known of a project that is still to be made.
func (s preflight) checkNewProject(ctx context.Context) []engine.Check {
	return []engine.Check{
		s.check("billing", "project", "billing", func() engine.Check {
			const link = "billing.resourceAssociations.create"
			held, err := gcp.HeldOn(ctx, s.c.Billing, s.a.BillingAccount, []string{link})
			switch account, looked := s.c.BillingAccount(ctx, s.a.BillingAccount); {
			case looked == nil && !account.Open:
				return fail(raise("billing-closed", "%s is closed", s.a.BillingAccount))
			case err != nil:
				return cannotTell(problem.Words(err))
			case len(held) == 0:
				p := raise("billing-link-denied", "you may not link projects to %s", s.a.BillingAccount)
				p.Words = link + " is missing"
				return fail(p)
			}
			return pass("%s, once the project is there", s.a.BillingAccount)
		}),
		s.check("permissions", "permissions", "permissions", func() engine.Check {
			return cannotTell("whether you may make projects shows when one is made; who makes it owns it")
		}),
	}
}

// checkQuotaProject looks at the project that the sign-in's file has calls counted
// against. signgate names the setup's own once it is known, and other programs with this
// sign-in, cosign and terraform among them, do not.
func (s preflight) checkQuotaProject(ctx context.Context) []engine.Check {
	return []engine.Check{s.check("quota-project", "you", "quota project", func() engine.Check {
		const use = "serviceusage.services.use"
		quota, err := s.c.QuotaProject(ctx)
		switch {
		case err != nil:
			return cannotTell(problem.Words(err))
		case quota == "" || quota == s.a.Project:
			return pass("%s", s.a.Project)
		}
		held, err := gcp.HeldOn(ctx, s.c.Projects, "projects/"+quota, []string{use})
		switch {
		case err != nil && !gcp.Is(err, codes.NotFound, codes.PermissionDenied):
			return cannotTell(problem.Words(err))
		case len(held) == 0:
			p := raise("quota-project-denied", "your sign-in has calls counted against project %s, which it may not use", quota)
			p.Why = "the account lacks " + use + " there, or there is no such project"
			p.Fix = "gcloud auth application-default set-quota-project " + s.a.Project
			return fail(p)
		}
		return pass("%s; the sign-in's own, %s, can be used as well", s.a.Project, quota)
	})}
}

func (s preflight) checkBilling(ctx context.Context) []engine.Check {
	return []engine.Check{s.check("billing", "project", "billing", func() engine.Check {
		billing, account, err := s.c.ProjectBilling(ctx, s.a.Project)
		switch {
		case err != nil:
			return fail(problem.From(err))
		case billing == gcp.BillingUnknown:
			return cannotTell("this account may not see it")
		case billing == gcp.BillingOff:
			return fail(s.unbilled())
		}
		return pass("%s", account)
	})}
}

// unbilled is the problem of a project that nobody pays for.
func (s preflight) unbilled() *problem.Problem {
	p := raise("billing-missing", "project %s has no open billing account", s.a.Project)
	p.Fix = shell("gcloud", "billing", "projects", "link", s.a.Project, "--billing-account=ACCOUNT") + " # yours: gcloud billing accounts list"
	return p
}

// checkAPIs has a check for each API. One that is off is no failure: to switch it on
// is a step of its own, and a permission among those below.
func (s preflight) checkAPIs(ctx context.Context) []engine.Check {
	off, err := apis{s.cloud}.off(ctx)
	if err != nil {
		return []engine.Check{s.check("apis", "APIs", "APIs", func() engine.Check {
			if gcp.Is(err, codes.Unavailable, codes.DeadlineExceeded) {
				return cannotTell(problem.Words(err))
			}
			return fail(problem.From(err))
		})}
	}
	var all []engine.Check
	for _, service := range services() {
		all = append(all, s.check("api:"+service, "APIs", service, func() engine.Check {
			if slices.Contains(off, service) {
				return pass("off; signgate apply switches it on")
			}
			return pass("on")
		}))
	}
	return all
}
