// Package steptest holds every step to one law, against real parts:
//
//   - what is absent is to be created; once applied, nothing is left to do, and
//     applying again changes nothing;
//   - cut off anywhere and run again, it ends the same;
//   - what somebody else made is never changed, never taken for one's own, and never undone;
//   - undone, it is as if it had never been (or what the step says stays);
//   - looking changes nothing.
package steptest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// World is a place with everything that the step needs, and nothing of its own.
type World struct {
	Step    func(folder string) engine.Step // over this world, for the setup with this folder
	Changes func() int                      // how many calls that change something this world has seen
	Pins    map[string]string               // what the steps before it have resolved

	Foreign engine.Action // what Inspect says where another setup has made it already
	Undone  engine.Action // what Inspect says after Undo: Create, unless the thing cannot be taken away
	Rest    func()        // has what Undo leaves to end by itself end now; nil: nothing does
	Dear    bool          // that it takes long to make the thing: it is made as seldom as can be
	Reports func(engine.Event)
}

// Law checks a step. Each call of fresh gives a world that has nothing of the step's. All that was
// made in a world is undone at the end: where that is as if it had never been, it may be given again.
func Law(t *testing.T, fresh func(*testing.T) World) {
	if t.Run("life", func(t *testing.T) { life(t, fresh(t)) }) {
		t.Run("cut off", func(t *testing.T) { cutOff(t, fresh) })
	}
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
	l := engine.NewLedger(store, step.Info().ID, report)
	for key, value := range w.Pins {
		if err := l.SetPin(key, value); err != nil {
			t.Fatal(err)
		}
	}
	return &Setup{t: t, world: w, step: step, Ledger: l}
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
	if s.world.Rest != nil {
		s.world.Rest()
	}
}

// receipted fails the test if the record has something as begun.
func (s *Setup) receipted() {
	s.t.Helper()
	for _, e := range s.Ledger.Entries() {
		if e.Phase == state.Intended || e.Operation != "" {
			s.t.Errorf("%s %s is left %s, operation %q", e.Kind, e.Name, e.Phase, e.Operation)
		}
	}
}

// unchanging fails the test if what is done changes anything.
func (s *Setup) unchanging(what string, do func()) {
	s.t.Helper()
	before := s.world.Changes()
	do()
	if n := s.world.Changes() - before; n != 0 {
		s.t.Errorf("%s made %d changing calls", what, n)
	}
}

// life is all that becomes of a thing, from one setup that makes it, and another that finds it,
// to its end.
func life(t *testing.T, w World) {
	s, other := NewSetup(t, w, "first"), NewSetup(t, w, "other")
	s.MustUndo() // of nothing
	s.Want(engine.Create, "in an empty world")
	s.MustRun()
	s.Want(engine.None, "after apply")
	s.unchanging("applying again", s.MustRun)
	s.Want(engine.None, "after applying again")
	s.receipted()

	// The other uses it, or says that it cannot, and neither its apply nor its undo changes anything.
	other.unchanging("another setup", func() {
		other.Want(w.Foreign, "where another setup has made it")
		if w.Foreign != engine.Blocked {
			other.MustRun()
			other.Want(w.Foreign, "used")
		}
		other.MustUndo()
	})
	s.Want(engine.None, "after another setup's undo")

	s.MustUndo()
	s.Want(w.Undone, "after undo")
	s.unchanging("undoing again", s.MustUndo)
	s.MustRun()
	s.Want(engine.None, "undone and applied again")
	s.MustUndo()
}

// cutOff stops the step at every write of its record: just before it (as if the
// process died between the call and the receipt) and just after it (in the call
// that follows). Then it runs again, ends as wanted, and can be undone whole. Each
// cut has a world of its own; where worlds are dear, the run after one is cut off
// at the next.
func cutOff(t *testing.T, fresh func(*testing.T) World) {
	for _, after := range []bool{false, true} {
		var w World
		var s *Setup
		cut := map[string]bool{}
		for whole := false; !whole; {
			if s == nil || !w.Dear {
				w = fresh(t)
				s = NewSetup(t, w, "first")
			}
			ctx, cancel := context.WithCancel(t.Context())
			l := &cutter{Ledger: s.Ledger, seen: map[string]int{}, cut: cut, after: after, cancel: cancel}
			err := s.run(ctx, l)
			cancel()
			if whole = !l.over; whole && err != nil {
				t.Fatalf("apply: %v", err)
			}
			if whole || !w.Dear {
				s.MustRun()
				s.Want(engine.None, "cut off and run again")
				s.receipted()
				s.MustUndo()
				s.Want(w.Undone, "cut off, run again and undone")
			}
		}
	}
}

var errCut = errors.New("cut off here")

// cutter is a ledger that ends the run at the first of its writes at which none was ended before.
type cutter struct {
	engine.Ledger
	after  bool
	cancel func()

	mu   sync.Mutex
	seen map[string]int  // this run's writes, by what they say of which kind
	cut  map[string]bool // the writes at which a run was ended, by that and their number
	over bool            // this run was
}

func (c *cutter) write(what, kind string, do func() error) error {
	c.mu.Lock()
	what += " " + kind
	c.seen[what]++
	which := fmt.Sprint(what, " ", c.seen[what]) // names may be others each time: a digest's
	here := !c.over && !c.cut[which]
	if here {
		c.cut[which], c.over = true, true
	}
	c.mu.Unlock()
	switch {
	case !here:
		return do()
	case !c.after:
		return errCut
	}
	defer c.cancel()
	return do()
}

func (c *cutter) Intend(r state.Resource) error {
	return c.write("intend", r.Kind, func() error { return c.Ledger.Intend(r) })
}

func (c *cutter) Operation(r state.Resource, name string) error {
	return c.write("operation", r.Kind, func() error { return c.Ledger.Operation(r, name) })
}

func (c *cutter) Made(r state.Resource, facts map[string]string) error {
	return c.write("made", r.Kind, func() error { return c.Ledger.Made(r, facts) })
}

func (c *cutter) Found(r state.Resource, facts map[string]string) error {
	return c.write("found", r.Kind, func() error { return c.Ledger.Found(r, facts) })
}

func (c *cutter) Gone(r state.Resource) error {
	return c.write("gone", r.Kind, func() error { return c.Ledger.Gone(r) })
}

func (c *cutter) SetPin(key, value string) error {
	return c.write("pin", key, func() error { return c.Ledger.SetPin(key, value) })
}
