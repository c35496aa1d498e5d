package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// apis switches on the services that the setup calls.
type apis struct{ cloud }

func services() []string {
	return []string{
		"cloudkms.googleapis.com", "artifactregistry.googleapis.com", "container.googleapis.com",
		"iam.googleapis.com", "cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com",
	}
}

func (s apis) Info() engine.Info {
	return engine.Info{
		ID: "apis", Title: "APIs", Needs: []string{"project"},
		Why:         "a project answers only the APIs that are switched on in it; a new one has hardly any",
		Permissions: []string{"serviceusage.services.enable", "serviceusage.services.get", "serviceusage.services.list"},
	}
}

func (s apis) resource(service string) state.Resource {
	return state.Resource{Kind: "serviceusage.service", Name: s.Project() + "/services/" + service}
}

// off lists the services that are not enabled.
func (s apis) off(ctx context.Context) ([]string, error) {
	all := services()
	req := &serviceusagepb.BatchGetServicesRequest{Parent: s.Project()}
	for _, service := range all {
		req.Names = append(req.Names, s.resource(service).Name)
	}
	resp, err := s.c.Services.BatchGetServices(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("look up the APIs of %s: %w", s.Project(), err)
	}
	if len(resp.GetServices()) != len(all) {
		return nil, fmt.Errorf("look up the APIs of %s: asked for %d, got %d", s.Project(), len(all), len(resp.GetServices()))
	}
	var off []string
	for i, service := range resp.GetServices() { // in the order of the question
		if service.GetState() != serviceusagepb.State_ENABLED {
			off = append(off, all[i])
		}
	}
	return off, nil
}

func (s apis) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	off, err := s.off(ctx)
	if err != nil {
		return engine.Change{}, err
	}
	summary := s.Makes()
	if lost := s.switchedOff(l, off); len(lost) > 0 {
		return engine.Change{Action: engine.Update, Drift: true, Summary: summary, Before: []string{"off: " + strings.Join(lost, ", ")}, After: []string{"all of them on"}}, nil
	}
	if len(off) > 0 {
		return engine.Change{Action: engine.Create, Summary: fmt.Sprintf("%d of %s", len(off), summary), After: off}, nil
	}
	change := engine.Change{Action: engine.Reuse, Summary: summary}
	for _, service := range services() {
		switch e := l.Entry(s.resource(service)); e.Phase {
		case state.Intended:
			return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}, nil
		case state.Made:
			s.c.Enabled(service, e.Time)
			change.Action = engine.None
		}
	}
	return change, nil
}

// switchedOff are the services that were on, and that somebody has switched off since.
func (s apis) switchedOff(l engine.Ledger, off []string) []string {
	var lost []string
	for _, service := range off {
		if onRecord(l.Entry(s.resource(service))) {
			lost = append(lost, service)
		}
	}
	return lost
}

func (s apis) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	for _, service := range services() {
		if err := resume(ctx, l, s.c.Services, s.resource(service)); err != nil {
			return err
		}
	}
	off, err := s.off(ctx)
	if err != nil {
		return err
	}
	if len(off) > 0 {
		if err := s.enable(ctx, l, off); err != nil {
			return err
		}
	}
	for _, service := range services() {
		r := s.resource(service)
		if l.Entry(r).Phase == state.Intended || slices.Contains(off, service) {
			s.c.Enabled(service, time.Now())
			if err := s.answers(ctx, l, service); err != nil {
				return err
			}
		}
		if err := adopt(l, r, false, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s apis) enable(ctx context.Context, l engine.Ledger, off []string) error {
	for _, service := range off {
		if err := l.Intend(s.resource(service)); err != nil {
			return err
		}
	}
	return gcp.Retry{For: 5 * time.Minute, When: gcp.Busy,
		Notice: func(error) { notice(l, "another change of the project's APIs is under way; waiting for it") },
	}.Do(ctx, func(ctx context.Context) error {
		op, err := s.c.Services.BatchEnableServices(ctx, &serviceusagepb.BatchEnableServicesRequest{Parent: s.Project(), ServiceIds: off})
		if err == nil && !op.Done() { // one that is done at once cannot be looked up by its name
			for _, service := range off {
				if err := l.Operation(s.resource(service), op.Name()); err != nil {
					return err
				}
			}
			err = gcp.Finish(ctx, s.c.Services, op.Name(), slow(l))
		}
		if err != nil {
			return fmt.Errorf("switch on APIs in %s: %w", s.Project(), err)
		}
		return nil
	})
}

// answers waits until a service that was just switched on answers a harmless
// question, which may be minutes after the operation is done. Now it can say as well whether
// it is where the setup is to be, which the preflight could not ask. Any other error, the end
// of an empty list among them, is the business of the step that needs the answer.
func (s apis) answers(ctx context.Context, l engine.Ledger, service string) error {
	placed := s.placed()
	at := slices.IndexFunc(placed, func(p placedService) bool { return p.api == service })
	err := s.ask(ctx, l, func(ctx context.Context) (err error) {
		switch {
		case at >= 0:
			return placed[at].look(ctx)
		case service == "iam.googleapis.com":
			_, err = s.c.IAM.ListServiceAccounts(ctx, &adminpb.ListServiceAccountsRequest{Name: s.Project(), PageSize: 1}).Next()
		}
		return err
	})
	if _, off := gcp.Disabled(err); off || ctx.Err() != nil {
		return err
	}
	if at >= 0 {
		if p := s.noPlace(placed[at], err); p != nil {
			return p
		}
	}
	return nil
}

// Undo leaves the APIs on: others may have come to use them, and switching one
// off takes what it holds with it.
func (s apis) Undo(_ context.Context, l engine.Ledger) error {
	for _, e := range l.Entries() {
		if e.Ours() {
			notice(l, "the APIs stay switched on in %s; an API that is not used costs nothing", s.Project())
			return nil
		}
	}
	return nil
}

func (s apis) Commands() []string {
	line := []string{"gcloud", "services", "enable"}
	return []string{shell(append(append(line, services()...), "--project="+s.ProjectID())...)}
}
