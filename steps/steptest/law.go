// Package steptest holds every step to one law, against real parts:
//
//   - what is absent is to be created; once applied, nothing is left to do, and
//     applying again changes nothing;
//   - cut off anywhere and run again, it ends the same;
//   - what somebody else made is never changed, and never undone;
//   - undone, it is as if it had never been (or what the step says stays);
//   - looking changes nothing.
package steptest

import (
	"context"
	"errors"
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// World is a fresh place with everything that the step needs, and nothing of its own.
type World struct {
	Step    func(folder string) engine.Step // over this world, for the setup with this folder
	Changes func() int                      // how many calls that change something this world has seen

	Foreign engine.Action // what Inspect says where another setup has made it already
	Undone  engine.Action // what Inspect says after Undo: Create, unless the thing cannot be taken away
	Reports func(engine.Event)
}

// Law checks a step. Each call of fresh gives a new world.
func Law(t *testing.T, fresh func(*testing.T) World) {
	t.Run("create", func(t *testing.T) { create(t, fresh(t)) })
	t.Run("cut off", func(t *testing.T) { cutOff(t, fresh) })
	t.Run("foreign", func(t *testing.T) { foreign(t, fresh(t)) })
	t.Run("undo", func(t *testing.T) { undo(t, fresh(t)) })
}

// Setup is a setup with a record of its own in one world, as it runs one step.
type Setup struct {
	t      *testing.T
	world  World
	step   engine.Step
	Ledger engine.Ledger
}

// NewSetup starts a record in a new folder.
func NewSetup(t *testing.T, w World, name string) *Setup {
	t.Helper()
	store, err := state.Create(t.TempDir(), name, state.World{Kind: "sandbox"}, state.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	step := w.Step(store.Folder())
	report := w.Reports
	if report == nil {
		report = func(engine.Event) {}
	}
	return &Setup{t: t, world: w, step: step, Ledger: engine.NewLedger(store, step.Info().ID, report)}
}

// Inspect looks, and fails the test if looking changed anything.
func (s *Setup) Inspect() engine.Change {
	s.t.Helper()
	before := s.world.Changes()
	change, err := s.step.Inspect(s.t.Context(), s.Ledger)
	if err != nil {
		s.t.Fatalf("inspect: %v", err)
	}
	if n := s.world.Changes() - before; n != 0 {
		s.t.Fatalf("inspect made %d changing calls", n)
	}
	return change
}

// Want looks and fails the test if the action is another.
func (s *Setup) Want(action engine.Action, when string) engine.Change {
	s.t.Helper()
	change := s.Inspect()
	if change.Action != action {
		s.t.Fatalf("%s: %s %q (problem %v), want %s", when, change.Action, change.Summary, change.Problem, action)
	}
	return change
}

// Run looks and applies, as the engine does.
func (s *Setup) Run() error { return s.run(s.t.Context(), s.Ledger) }

func (s *Setup) run(ctx context.Context, l engine.Ledger) error {
	change, err := s.step.Inspect(ctx, l)
	if err != nil {
		return err
	}
	if change.Action == engine.Blocked {
		return change.Problem
	}
	return s.step.Apply(ctx, change, l)
}

// MustRun is Run that has to succeed.
func (s *Setup) MustRun() {
	s.t.Helper()
	if err := s.Run(); err != nil {
		s.t.Fatalf("apply: %v", err)
	}
}

// MustUndo takes the step back.
func (s *Setup) MustUndo() {
	s.t.Helper()
	if err := s.step.Undo(s.t.Context(), s.Ledger); err != nil {
		s.t.Fatalf("undo: %v", err)
	}
}

func create(t *testing.T, w World) {
	s := NewSetup(t, w, "first")
	s.Want(engine.Create, "in an empty world")
	s.MustRun()
	s.Want(engine.None, "after apply")
	before := w.Changes()
	s.MustRun()
	if n := w.Changes() - before; n != 0 {
		t.Errorf("applying again made %d changing calls", n)
	}
	s.Want(engine.None, "after applying again")
	for _, e := range s.Ledger.Entries() {
		if e.Phase == state.Intended || e.Operation != "" {
			t.Errorf("%s %s is left %s, operation %q", e.Kind, e.Name, e.Phase, e.Operation)
		}
	}
}

// cutOff stops the step at every write of its record: just before it (as if the
// process died between the call and the receipt) and just after it (in the call
// that follows). Then it runs again, ends as wanted, and can be undone whole.
func cutOff(t *testing.T, fresh func(*testing.T) World) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := fresh(t)
			s := NewSetup(t, w, "first")
			ctx, cancel := context.WithCancel(t.Context())
			cut := &cutter{Ledger: s.Ledger, left: at, after: after, cancel: cancel}
			err := s.run(ctx, cut)
			cancel()
			if cut.left > 0 { // it never came to this many writes
				if err != nil {
					t.Fatalf("apply: %v", err)
				}
				break
			}
			s.MustRun()
			s.Want(engine.None, "cut off and run again")
			s.MustUndo()
			s.Want(w.Undone, "cut off, run again and undone")
		}
	}
}

var errCut = errors.New("cut off here")

// cutter is a ledger that ends the run at one of its writes.
type cutter struct {
	engine.Ledger
	left   int
	after  bool
	cancel func()
}

func (c *cutter) write(do func() error) error {
	c.left--
	if c.left != 0 {
		return do()
	}
	if !c.after {
		return errCut
	}
	defer c.cancel()
	return do()
}

func (c *cutter) Intend(r state.Resource) error {
	return c.write(func() error { return c.Ledger.Intend(r) })
}

func (c *cutter) Operation(r state.Resource, name string) error {
	return c.write(func() error { return c.Ledger.Operation(r, name) })
}

func (c *cutter) Made(r state.Resource, facts map[string]string) error {
	return c.write(func() error { return c.Ledger.Made(r, facts) })
}

func (c *cutter) Found(r state.Resource, facts map[string]string) error {
	return c.write(func() error { return c.Ledger.Found(r, facts) })
}

func (c *cutter) SetPin(key, value string) error {
	return c.write(func() error { return c.Ledger.SetPin(key, value) })
}

// foreign has another setup make the thing first: ours uses it or says that it
// cannot, and neither its apply nor its undo changes anything.
func foreign(t *testing.T, w World) {
	other, s := NewSetup(t, w, "other"), NewSetup(t, w, "first")
	other.MustRun()
	before := w.Changes()
	s.Want(w.Foreign, "where another setup has made it")
	if w.Foreign != engine.Blocked {
		s.MustRun()
	}
	s.MustUndo()
	if n := w.Changes() - before; n != 0 {
		t.Errorf("%d changing calls on what another setup made", n)
	}
	other.Want(engine.None, "the other setup, afterwards")
}

func undo(t *testing.T, w World) {
	s := NewSetup(t, w, "first")
	s.MustUndo() // of nothing
	s.MustRun()
	s.MustUndo()
	s.Want(w.Undone, "after undo")
	before := w.Changes()
	s.MustUndo()
	if n := w.Changes() - before; n != 0 {
		t.Errorf("undoing again made %d changing calls", n)
	}
	s.MustRun()
	s.Want(engine.None, "undone and applied again")
}
