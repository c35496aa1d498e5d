package steps

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/googleapis/gax-go/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// guarded is a resource with an access policy of its own.
type guarded struct {
	name string
	get  func(context.Context) (*iampb.Policy, error)
	set  func(context.Context, *iampb.Policy) error
}

// policyVersion 3 is asked for and written back, or conditions would be lost.
const policyVersion = 3

// binding is one role of one member on a resource; the policy is no resource of its own, so the name is ours.
func binding(on, role, member string) state.Resource {
	return state.Resource{Kind: "iam.binding", Name: on + "#" + role + "#" + member}
}

// granted says whether a policy gives the role without a condition.
func granted(p *iampb.Policy, role, member string) bool {
	return slices.ContainsFunc(p.GetBindings(), func(b *iampb.Binding) bool {
		return b.GetRole() == role && b.GetCondition() == nil && slices.Contains(b.GetMembers(), member)
	})
}

// missing lists the roles that the member does not have.
func (g guarded) missing(ctx context.Context, member string, roles []string) ([]string, error) {
	p, err := g.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the access policy of %s: %w", g.name, err)
	}
	var missing []string
	for _, role := range roles {
		if !granted(p, role, member) {
			missing = append(missing, role)
		}
	}
	return missing, nil
}

// change reads the policy, edits it and writes it back, again and again while
// others do the same. An edit that says false leaves the policy as it is.
func (g guarded) change(ctx context.Context, l engine.Ledger, passes func(error) bool, edit func(*iampb.Policy) (bool, error)) error {
	err := gcp.Retry{For: 2 * time.Minute, When: func(err error) bool { return gcp.Conflict(err) || passes(err) },
		Notice: func(err error) {
			notice(l, "the access policy of %s cannot be changed yet, trying again: %v", g.name, err)
		},
	}.Do(ctx, func(ctx context.Context) error {
		p, err := g.get(ctx)
		if err != nil {
			return err
		}
		if changed, err := edit(p); err != nil || !changed {
			return err
		}
		p.Version = policyVersion
		return g.set(ctx, p)
	})
	if err != nil {
		return fmt.Errorf("change the access policy of %s: %w", g.name, err)
	}
	return nil
}

// grant gives the member all the roles in one write, and notes for each whether it was there before.
func (g guarded) grant(ctx context.Context, l engine.Ledger, member string, roles []string, passes func(error) bool) error {
	err := g.change(ctx, l, passes, func(p *iampb.Policy) (bool, error) {
		changed := false
		for _, role := range roles {
			if granted(p, role, member) {
				continue
			}
			if err := l.Intend(binding(g.name, role, member)); err != nil {
				return false, err
			}
			give(p, role, member)
			changed = true
		}
		return changed, nil
	})
	if err != nil {
		return err
	}
	for _, role := range roles {
		if err := adopt(l, binding(g.name, role, member), false, nil); err != nil {
			return err
		}
	}
	return nil
}

func give(p *iampb.Policy, role, member string) {
	for _, b := range p.GetBindings() {
		if b.GetRole() == role && b.GetCondition() == nil {
			b.Members = append(b.Members, member)
			return
		}
	}
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
}

// revoke takes back, in one write, the roles that this setup gave. also are what the
// policy calls members of that name that were deleted.
func (g guarded) revoke(ctx context.Context, l engine.Ledger, member string, roles []string, also []string) error {
	var mine []string
	for _, role := range roles {
		if l.Entry(binding(g.name, role, member)).Ours() {
			mine = append(mine, role)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	err := g.change(ctx, l, func(error) bool { return false }, func(p *iampb.Policy) (bool, error) {
		changed := false
		for _, b := range p.GetBindings() {
			if !slices.Contains(mine, b.GetRole()) || b.GetCondition() != nil {
				continue
			}
			before := len(b.Members)
			b.Members = slices.DeleteFunc(b.Members, func(m string) bool { return m == member || slices.Contains(also, m) })
			changed = changed || len(b.Members) != before
		}
		p.Bindings = slices.DeleteFunc(p.Bindings, func(b *iampb.Binding) bool { return len(b.GetMembers()) == 0 })
		return changed, nil
	})
	if err != nil && !gcp.NotFound(err) {
		return err
	}
	for _, role := range mine {
		if err := l.Gone(binding(g.name, role, member)); err != nil {
			return err
		}
	}
	return nil
}

// keeper is what the client of each service has whose resources have access policies.
type keeper interface {
	GetIamPolicy(context.Context, *iampb.GetIamPolicyRequest, ...gax.CallOption) (*iampb.Policy, error)
	SetIamPolicy(context.Context, *iampb.SetIamPolicyRequest, ...gax.CallOption) (*iampb.Policy, error)
}

// keptBy is a resource whose policy a service keeps. The client is asked for only when it is
// needed: what is wanted can be said without one.
func keptBy(service func() keeper, name string) guarded {
	return guarded{
		name: name,
		get: func(ctx context.Context) (*iampb.Policy, error) {
			return service().GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{
				Resource: name, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: policyVersion}})
		},
		set: func(ctx context.Context, p *iampb.Policy) error {
			_, err := service().SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: name, Policy: p})
			return err
		},
	}
}

func (s cloud) projectPolicy() guarded {
	return keptBy(func() keeper { return s.c.Projects }, s.Project())
}

func (s cloud) repositoryPolicy() guarded {
	return keptBy(func() keeper { return s.c.Artifacts }, s.Repository())
}

func (s cloud) keyPolicy() guarded {
	return keptBy(func() keeper { return s.c.KMS }, s.Key())
}

// grants are roles on one resource.
type grants struct {
	guarded
	roles []string
}

// rights are all that one member is given.
type rights struct {
	member string
	parts  []grants
	blind  string // what cannot be done without the role of a reader
}

// differs is what is to be done about the roles, if anything is: those that we had given and
// that somebody took away are drift, those that were never given, or only begun, are still to be made.
func (r rights) differs(ctx context.Context, l engine.Ledger, summary string) (change engine.Change, differs bool, err error) {
	var lost []string
	unfinished := false
	for _, part := range r.parts {
		missing, err := part.missing(ctx, r.member, part.roles)
		if err != nil {
			return engine.Change{}, false, err
		}
		for _, role := range missing {
			if l.Entry(binding(part.name, role, r.member)).Phase == state.Made {
				lost = append(lost, role)
			}
		}
		unfinished = unfinished || len(missing) > 0
		for _, role := range part.roles {
			unfinished = unfinished || l.Entry(binding(part.name, role, r.member)).Phase == state.Intended
		}
	}
	switch {
	case len(lost) > 0:
		return engine.Change{Action: engine.Update, Drift: true, Summary: summary, Before: []string{"without " + fmt.Sprint(lost)}, After: []string{"with all of them"}}, true, nil
	case unfinished:
		return engine.Change{Action: engine.Create, Summary: summary}, true, nil
	}
	return engine.Change{}, false, nil
}

// grant gives all of them, waiting out what passes.
func (r rights) grant(ctx context.Context, l engine.Ledger, passes func(error) bool) error {
	for _, part := range r.parts {
		if err := part.grant(ctx, l, r.member, part.roles, passes); err != nil {
			return err
		}
	}
	return nil
}

// revoke takes back what this setup gave; also are what policies call members of that name that were deleted.
func (r rights) revoke(ctx context.Context, l engine.Ledger, also ...string) error {
	for _, part := range r.parts {
		if err := part.revoke(ctx, l, r.member, part.roles, also); err != nil {
			return err
		}
	}
	return nil
}
