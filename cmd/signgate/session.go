package main

import (
	"context"
	"sync"
	"time"

	"github.com/signgate/signgate/internal/engine"
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

	mu      sync.Mutex
	engine  *engine.Engine // of the plan or run at hand
	stopped bool
}

// newSession binds a record to its world and lines up its steps.
func (a *app) newSession(ctx context.Context, s *site, store *state.Store) (*session, error) {
	if err := s.bind(ctx, store); err != nil {
		return nil, err
	}
	list := steps.List(store.Record().Answers, s.clients, steps.Options{OutDir: store.Folder(), Chart: s.chart()})
	return &session{app: a, site: s, store: store, steps: list}, nil
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine, s.stopped = e, false
	return e, nil
}

// Name implements tui.Session, as all the exported methods do.
func (s *session) Name() string { return s.store.Record().Name }

// Answers are those on record.
func (s *session) Answers() state.Answers { return s.store.Record().Answers }

// Entries are the journal.
func (s *session) Entries() []state.Entry { return s.store.Record().Entries }

// Link is a page in Google's console; the sandbox has none.
func (s *session) Link(e state.Entry) string {
	if s.site.Sandbox != nil {
		return ""
	}
	return steps.Link(s.Answers(), e.Resource)
}

// Resume is the command that goes on with this setup.
func (s *session) Resume() string { return s.app.lineFor("apply", s.Name()) }

// Commands are a step's.
func (s *session) Commands(step string) []string {
	for _, one := range s.steps {
		if one.Info().ID == step {
			return one.Commands()
		}
	}
	return nil
}

// Plan inspects everything.
func (s *session) Plan(ctx context.Context) (engine.Plan, error) {
	return s.plan(ctx, func(engine.Event) {})
}

func (s *session) plan(ctx context.Context, emit func(engine.Event)) (engine.Plan, error) {
	e, err := s.begin()
	if err != nil {
		return engine.Plan{}, err
	}
	return e.Plan(ctx, emit)
}

// Run carries a plan out.
func (s *session) Run(ctx context.Context, plan engine.Plan, overwrite bool, emit func(engine.Event)) error {
	e, err := s.begin()
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
	if _, err := e.Run(ctx, plan, engine.Options{Overwrite: overwrite}, emit); err != nil {
		return err
	}
	if s.part || !s.store.Record().Finished.IsZero() {
		return nil
	}
	return s.finished(time.Now().UTC().Truncate(time.Second))
}

// finished notes when everything was as wanted; the zero time until it is.
func (s *session) finished(at time.Time) error {
	if s.store.Record().Finished.IsZero() && at.IsZero() {
		return nil
	}
	return s.store.Update(func(r *state.Record) error { r.Finished = at; return nil })
}

// Stop lets what is in flight end.
func (s *session) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine != nil {
		s.engine.Stop()
	}
	s.stopped = true
}

// Destroy removes what this setup made.
func (s *session) Destroy(ctx context.Context, emit func(engine.Event)) error {
	e, err := s.begin()
	if err != nil {
		return err
	}
	if err := s.finished(time.Time{}); err != nil {
		return err
	}
	emit, end := s.taped(infos(s.steps), "destroy", emit)
	defer end()
	_, err = e.Destroy(ctx, emit)
	return err
}

// Removals says of everything on record whether Destroy removes it.
func (s *session) Removals(context.Context) ([]tui.Removal, error) {
	return removals(s.store.Record()), nil
}

func removals(rec state.Record) []tui.Removal {
	var all []tui.Removal
	for _, e := range rec.Entries {
		r := tui.Removal{Name: steps.Describe(e.Resource)}
		switch e.Phase {
		case state.Gone:
			continue
		case state.Found:
			r.Keep, r.Why = true, "it was there before this setup"
		default:
			r.Keep, r.Why = steps.Stays(e.Resource)
		}
		all = append(all, r)
	}
	return all
}

// Try asks the cluster about any image.
func (s *session) Try(ctx context.Context, image string) (engine.Verdict, error) {
	return steps.Try(ctx, s.Answers(), s.site.clients, image)
}

// Close lets others work on the setup.
func (s *session) Close() error { return s.store.Close() }

// begun says whether anything was made, or meant to be.
func begun(rec state.Record) bool {
	for _, e := range rec.Entries {
		if e.Phase == state.Made || e.Phase == state.Intended {
			return true
		}
	}
	return false
}

// discard forgets a record that nothing came of.
func (s *session) discard() error {
	if begun(s.store.Record()) {
		return s.Close()
	}
	return s.store.Remove()
}

func ids(all []engine.Step) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.Info().ID
	}
	return out
}

func noSetup(err error) error { return problem.Raise("setup-unknown", err) }
