package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// project is the preflight: sign-in, project, billing, location and every permission, all
// looked at before anything is made. With NewProject it makes the project.
type project struct{ cloud }

func (s project) Info() engine.Info {
	return engine.Info{
		ID: "project", Title: "Project",
		Why:         "everything is made inside one project, which must be yours to change and have billing",
		Permissions: []string{"resourcemanager.projects.get"},
	}
}

func (s project) resource() state.Resource {
	return state.Resource{Kind: "cloudresourcemanager.project", Name: s.Project()}
}

// Inspect is the preflight, each check of which is reported as well.
func (s project) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	checks, err := Preflight(ctx, s.a, s.c, func(c engine.Check) {
		if c.State != engine.CheckRunning {
			l.Report(engine.Event{Type: engine.TypeCheck, Check: &c})
		}
	})
	if err != nil {
		return engine.Change{}, err
	}
	switch p := s.refusal(checks); {
	case p != nil && p.ID == "project-deleting" && l.Entry(s.resource()).Phase == state.Gone: // by ourselves
		return engine.Change{Action: engine.Create, Summary: summary + " (restored)"}, nil
	case p != nil && p.ID == "billing-missing" && s.a.NewProject && l.Entry(s.resource()).Ours():
		return engine.Change{Action: engine.Create, Summary: summary + ", to be billed to " + s.a.BillingAccount}, nil
	case p != nil:
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, nil
	case !slices.ContainsFunc(checks, func(c engine.Check) bool { return c.Group == "APIs" }): // it is not there
		return engine.Change{Action: engine.Create, Summary: summary + ", billed to " + s.a.BillingAccount}, nil
	}
	return settled(l, s.resource(), false, summary), nil
}

func (s project) Apply(ctx context.Context, change engine.Change, l engine.Ledger) error {
	if change.Action != engine.Create {
		return adopt(l, s.resource(), false, nil)
	}
	r := s.resource()
	if err := resume(ctx, l, s.c.Projects, r); err != nil {
		return err
	}
	p, err := s.c.GetProject(ctx, s.a.Project)
	switch {
	case err != nil:
		err = s.create(ctx, l)
	case p.State == "DELETE_REQUESTED":
		err = s.restore(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("create project %s: %w", s.a.Project, err)
	}
	// A new project is not visible at once, and its owner not yet its owner.
	err = gcp.Retry{For: gcp.Settles, When: func(err error) bool { return gcp.Is(err, codes.NotFound, codes.PermissionDenied) },
		Notice: func(error) { notice(l, "project %s is not visible yet; waiting", s.a.Project) },
	}.Do(ctx, func(ctx context.Context) (err error) {
		if p, err = s.c.GetProject(ctx, s.a.Project); err != nil {
			return err
		}
		_, err = s.c.Billing.UpdateProjectBillingInfo(ctx, &billingpb.UpdateProjectBillingInfoRequest{
			Name: s.Project(), ProjectBillingInfo: &billingpb.ProjectBillingInfo{BillingAccountName: s.a.BillingAccount},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("link project %s to %s: %w", s.a.Project, s.a.BillingAccount, err)
	}
	return l.Made(r, map[string]string{"number": p.Number})
}

func (s project) create(ctx context.Context, l engine.Ledger) error {
	if err := l.Intend(s.resource()); err != nil {
		return err
	}
	op, err := s.c.Projects.CreateProject(ctx, &resourcemanagerpb.CreateProjectRequest{
		Project: &resourcemanagerpb.Project{ProjectId: s.a.Project, DisplayName: s.a.Project, Labels: labels(l)},
	})
	if err != nil {
		return err
	}
	return follow(ctx, l, s.c.Projects, s.resource(), op)
}

// restore brings back a project that this setup had shut down.
func (s project) restore(ctx context.Context, l engine.Ledger) error {
	if err := l.Intend(s.resource()); err != nil {
		return err
	}
	op, err := s.c.Projects.UndeleteProject(ctx, &resourcemanagerpb.UndeleteProjectRequest{Name: s.Project()})
	if err != nil {
		return err
	}
	return follow(ctx, l, s.c.Projects, s.resource(), op)
}

// Undo asks Google to delete a project that this setup made, and only that.
func (s project) Undo(ctx context.Context, l engine.Ledger) error {
	r := s.resource()
	if !l.Entry(r).Ours() {
		return nil
	}
	p, err := s.c.Projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: s.Project()})
	switch {
	case gcp.NotFound(err):
		return l.Gone(r)
	case err != nil:
		return fmt.Errorf("look up project %s: %w", s.a.Project, err)
	case l.Entry(r).Phase == state.Intended && !ours(l, p.GetLabels()):
		return nil // somebody else's, who was quicker
	case p.GetState() == resourcemanagerpb.Project_ACTIVE:
		if _, err := s.c.Projects.DeleteProject(ctx, &resourcemanagerpb.DeleteProjectRequest{Name: s.Project()}); err != nil {
			return fmt.Errorf("delete project %s: %w", s.a.Project, err)
		}
		notice(l, "project %s is shut down; Google deletes it after 30 days, until then: gcloud projects undelete %s", s.a.Project, s.a.Project)
	}
	return l.Gone(r)
}

func (s project) Commands() []string {
	lines := []string{"gcloud auth application-default login"}
	if s.a.NewProject {
		lines = append(lines,
			shell("gcloud", "projects", "create", s.a.Project),
			shell("gcloud", "billing", "projects", "link", s.a.Project, "--billing-account="+strings.TrimPrefix(s.a.BillingAccount, "billingAccounts/")))
	}
	return append(lines, shell("gcloud", "config", "set", "project", s.a.Project))
}
