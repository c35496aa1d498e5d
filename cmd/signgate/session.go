package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
	"github.com/signgate/signgate/tui"
)

// session is one setup at work in its world. The verbs and the wizard both use it.
type session struct {
	app   *app
	site  *site
	store *state.Store
	steps []engine.Step
	part  bool // some steps only
	calls bool // report each call to a service

	verdicts []engine.Verdict // of the last plan

	options   steps.Options // of the steps
	removeKey bool          // Destroy removes the key even if it signed what stays
	keyUse    *steps.KeyUse // once it was looked at

	mu     sync.Mutex
	engine *engine.Engine // of the run that there is since the last plan
	halt   bool           // asked to stop before there was one
}

// newSession binds a record to its world and lines up its steps.
func (a *app) newSession(ctx context.Context, s *site, store *state.Store) (*session, error) {
	if err := s.bind(ctx, store); err != nil {
		return nil, err
	}
	session := &session{app: a, site: s, store: store, options: steps.Options{OutDir: store.Folder(), Chart: s.chart()}}
	session.line()
	a.at = session.Name()
	return session, nil
}

// line lines up the steps that follow from the answers on record.
func (s *session) line() {
	rec := s.store.Record()
	s.options.KeyVersions = steps.KeyVersions(rec.Pins)
	s.steps = steps.List(rec.Answers, s.site.clients, s.options)
}

// upTo leaves out what the step of this id does not need.
func (s *session) upTo(id string) error {
	if id == "" {
		return nil
	}
	part, err := engine.UpTo(s.steps, id)
	if err != nil {
		return usagef("--to: there is no step %q; the steps are %s", id, list(ids(s.steps)))
	}
	s.part = len(part) < len(s.steps)
	s.steps = part
	return nil
}

// begin makes an engine: one can be stopped once.
func (s *session) begin() (*engine.Engine, error) {
	e, err := engine.New(s.store, s.steps)
	if err != nil {
		return nil, err
	}
	e.Complete = func(p *engine.Plan) {
		steps.Complete(p, s.Answers(), s.site.Times)
		for i := range p.Steps {
			p.Steps[i].Change.Problem = s.app.hereToo(p.Steps[i].Change.Problem, s.Name())
		}
	}
	if s.calls {
		e.With = reportCalls
	}
	return e, nil
}

// work begins what changes things. A wish to stop that came just before it holds.
func (s *session) work() (*engine.Engine, error) {
	e, err := s.begin()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halt {
		e.Stop()
	}
	s.engine, s.halt = e, false
	return e, nil
}

// reportCalls has a step's calls reported as they end.
func reportCalls(ctx context.Context, l engine.Ledger) context.Context {
	return gcp.Observe(ctx, func(c gcp.Call) { l.Report(engine.Event{Type: engine.TypeCall, Text: problem.Clean(c.String())}) })
}

// page is a step's page of the record, for work that reports nothing.
func (s *session) page(step string) engine.Ledger {
	return engine.NewLedger(s.store, step, func(engine.Event) {})
}

// Name implements tui.Session, as nearly all the exported methods do.
func (s *session) Name() string { return s.store.Record().Name }

// Answers are those on record.
func (s *session) Answers() state.Answers { return s.store.Record().Answers }

// Entries are the journal.
func (s *session) Entries() []state.Entry { return s.store.Record().Entries }

// Link is a page in Google's console.
func (s *session) Link(e state.Entry) string { return s.site.link(s.Answers(), e.Resource) }

// Resume is the command that goes on with this setup.
func (s *session) Resume(undo bool) string {
	verb := "apply"
	if undo {
		verb = "destroy"
	}
	return s.app.lineFor(verb, s.Name())
}

// Describe names a resource.
func (s *session) Describe(e state.Entry) string { return steps.Describe(e.Resource) }

// Result is what a step makes, in a word.
func (s *session) Result(step string) string { return steps.Result(s.store.Record(), step) }

// Verdicts are those that the last Plan found.
func (s *session) Verdicts() []engine.Verdict { return s.verdicts }

// Means says why a verdict fell.
func (s *session) Means(reason string) string { return steps.Meaning(reason) }

// Commands are a step's.
func (s *session) Commands(step string) []string { return commands(s.steps, step) }

// Estimate is about how long a step takes in this world.
func (s *session) Estimate(step string) time.Duration {
	return steps.Estimate(s.Answers(), s.site.Times, step)
}

// Plan inspects everything.
func (s *session) Plan(ctx context.Context) (engine.Plan, error) {
	s.verdicts = nil
	return s.plan(ctx, func(ev engine.Event) {
		if ev.Type == engine.TypeVerdict {
			s.verdicts = append(s.verdicts, *ev.Verdict)
		}
	})
}

func (s *session) plan(ctx context.Context, emit func(engine.Event)) (engine.Plan, error) {
	e, err := s.begin()
	if err != nil {
		return engine.Plan{}, err
	}
	s.rest()
	return e.Plan(ctx, emit)
}

// feasible is a plan that nothing stands in the way of; of what does, the plan that was printed tells.
func (s *session) feasible(ctx context.Context, emit func(engine.Event)) (engine.Plan, error) {
	plan, err := s.plan(ctx, emit)
	if blocked := plan.Blocked(); err == nil && len(blocked) > 0 {
		err = said{blocked[0]}
	}
	return plan, err
}

// Status compares record, wish and world, resource by resource.
func (s *session) Status(ctx context.Context) (engine.Report, error) {
	rec := s.store.Record()
	r := engine.Report{Type: "status", Time: time.Now().UTC(), Setup: rec.Name, World: rec.World,
		Project: rec.Answers.Project, Region: rec.Answers.Region, Finished: rec.Finished}
	var mu sync.Mutex
	page := func(step string) engine.Ledger {
		return engine.NewLedger(s.store, step, func(ev engine.Event) {
			mu.Lock()
			defer mu.Unlock()
			if ev.Type == engine.TypeVerdict {
				r.Gate.Verdicts = append(r.Gate.Verdicts, *ev.Verdict)
			}
		})
	}
	var looked sync.WaitGroup
	looked.Go(func() { r.Findings = steps.Look(ctx, s.steps, page) })
	plan, err := s.Plan(ctx)
	looked.Wait()
	if err != nil {
		return r, err
	}
	verdicts := r.Gate.Verdicts
	r.Findings = steps.WithPlan(r.Findings, plan)
	r.Findings = append(r.Findings, steps.LookBeside(ctx, rec, s.site.clients, page(steps.StepSign))...)
	r.Gate = steps.GateOf(rec, r.Findings)
	r.Gate.Verdicts = verdicts
	r.Rotation = s.app.here(steps.RotationOf(rec), rec.Name)
	r.Running = runningSince(rec, r.Findings)
	r.OK = plan.Clean() && !slices.ContainsFunc(r.Findings, func(f engine.Finding) bool { return f.State != engine.AsWanted })
	for i := range r.Findings {
		r.Findings[i].Repair = s.app.here(r.Findings[i].Repair, rec.Name)
	}
	return r, nil
}

// Run carries a plan out; with overwrite it reverts the changes by hand that the plan shows, and no others.
func (s *session) Run(ctx context.Context, plan engine.Plan, how tui.RunOptions, emit func(engine.Event)) error {
	var may []string
	if how.Overwrite {
		may = planned(plan.Drift())
	}
	return s.run(ctx, plan, engine.Options{Overwrite: may, Before: how.Before}, emit)
}

// run carries a plan out.
func (s *session) run(ctx context.Context, plan engine.Plan, opt engine.Options, emit func(engine.Event)) error {
	e, err := s.work()
	if err != nil {
		return err
	}
	if !plan.Clean() {
		if err := s.finished(time.Time{}); err != nil {
			return err
		}
	}
	emit, end := s.taped(plan, "", emit)
	defer end()
	last := &lastWord{emit: emit}
	if _, err := e.Run(ctx, plan, opt, last.hold); err != nil {
		return last.say(told(err))
	}
	if s.part || !s.store.Record().Finished.IsZero() {
		return last.say(nil)
	}
	return last.say(s.finished(time.Now().UTC().Truncate(time.Second)))
}

// finished notes when everything was as wanted; the zero time until it is.
func (s *session) finished(at time.Time) error {
	if s.store.Record().Finished.IsZero() && at.IsZero() {
		return nil
	}
	return s.store.Update(func(r *state.Record) error { r.Finished = at; return nil })
}

// rest says that no run is at hand: what is asked to stop from now on is the next.
func (s *session) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine, s.halt = nil, false
}

// Stop lets what is in flight end.
func (s *session) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		s.halt = true
		return
	}
	s.engine.Stop()
}

// Try asks the cluster about any image.
func (s *session) Try(ctx context.Context, image string) (engine.Verdict, error) {
	return steps.Try(ctx, s.Answers(), s.site.clients, image)
}

// Close lets others work on the setup.
func (s *session) Close() error { return s.store.Close() }

// begun says whether anything was made, or meant to be.
func begun(rec state.Record) bool { return slices.ContainsFunc(rec.Entries, state.Entry.Ours) }

// leave lets go of the setup and its world. A record that is fresh, and that nothing came of, is forgotten.
func (s *session) leave(fresh bool) {
	if fresh && !begun(s.store.Record()) {
		_ = s.store.Remove() // if not, the next run uses it
		s.app.at = ""
	} else {
		s.Close()
	}
	s.site.Close()
}

func commands(all []engine.Step, step string) []string {
	for _, one := range all {
		if one.Info().ID == step {
			return one.Commands()
		}
	}
	return nil
}

func ids(all []engine.Step) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.Info().ID
	}
	return out
}

// onRecord opens the world and in it the setup on record that a verb is for.
func (a *app) onRecord(ctx context.Context) (*session, error) {
	name, _, err := a.recorded()
	if err != nil {
		return nil, err
	}
	site, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	store, err := state.Open(site.dir, name)
	if err == nil {
		var s *session
		if s, err = a.newSession(ctx, site, store); err == nil {
			return s, nil
		}
		store.Close()
	}
	site.Close()
	return nil, err
}

// noSetup is the problem of a setup that is not on record in a folder, and says which are.
func noSetup(dir string, err error) error {
	p := problem.Raise("setup-unknown", err)
	if names, _ := state.Names(dir); len(names) > 0 {
		p.Fix = "on record here: " + list(names) + "; " + p.Fix
	}
	return p
}
