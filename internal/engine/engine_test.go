package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// world is what fake steps act on: a set of things that are there, and a log of calls.
type world struct {
	mu     sync.Mutex
	there  map[string]bool
	calls  []string
	broken map[string]error // step id -> what its Apply answers
	gate   map[string]chan struct{}
}

func newWorld() *world {
	return &world{there: map[string]bool{}, broken: map[string]error{}, gate: map[string]chan struct{}{}}
}

func (w *world) log(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

type fake struct {
	*world
	id    string
	needs []string
}

func (f fake) Info() engine.Info    { return engine.Info{ID: f.id, Title: f.id, Needs: f.needs} }
func (f fake) Commands() []string   { return nil }
func (f fake) res() state.Resource  { return state.Resource{Kind: "fake", Name: f.id} }
func (f fake) has(name string) bool { f.mu.Lock(); defer f.mu.Unlock(); return f.there[name] }

func (f fake) Inspect(context.Context, engine.Ledger) (engine.Change, error) {
	for _, n := range f.needs {
		if !f.has(n) {
			return engine.Change{}, fmt.Errorf("%s is not there", n)
		}
	}
	if f.has(f.id) {
		return engine.Change{Action: engine.None, Summary: f.id}, nil
	}
	return engine.Change{Action: engine.Create, Summary: f.id}, nil
}

func (f fake) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	f.log("apply %s", f.id)
	if g := f.gate[f.id]; g != nil {
		select {
		case <-g:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := f.broken[f.id]; err != nil {
		return err
	}
	if err := l.Intend(f.res()); err != nil {
		return err
	}
	f.mu.Lock()
	f.there[f.id] = true
	f.mu.Unlock()
	return l.Made(f.res(), nil)
}

func (f fake) Undo(_ context.Context, l engine.Ledger) error {
	f.log("undo %s", f.id)
	f.mu.Lock()
	delete(f.there, f.id)
	f.mu.Unlock()
	return l.Gone(f.res())
}

func setup(t interface {
	Fatal(...any)
	TempDir() string
	Cleanup(func())
}, w *world, needs ...[]string) (*engine.Engine, *state.Store) {
	store, err := state.Create(t.TempDir(), "t", state.World{Kind: "sandbox"}, state.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return engineOn(t, store, w, needs...), store
}

func engineOn(t interface{ Fatal(...any) }, store *state.Store, w *world, needs ...[]string) *engine.Engine {
	var steps []engine.Step
	for i, n := range needs {
		steps = append(steps, fake{w, string(rune('a' + i)), n})
	}
	e, err := engine.New(store, steps)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func quiet(engine.Event) {}

func TestRunThenNothingToDo(t *testing.T) {
	w := newWorld()
	e, _ := setup(t, w, nil, []string{"a"}, []string{"a"}, []string{"b", "c"})
	plan, err := e.Plan(t.Context(), quiet)
	if err != nil || plan.Counts()[engine.Create] != 4 {
		t.Fatalf("plan %+v, %v: want four to create, inspected or not", plan, err)
	}
	sum, err := e.Run(t.Context(), plan, engine.Options{}, quiet)
	if err != nil || sum.Created != 4 || !sum.OK {
		t.Fatalf("run: %+v, %v", sum, err)
	}
	if w.calls[0] != "apply a" || w.calls[3] != "apply d" {
		t.Errorf("order %v", w.calls)
	}
	w.calls = nil
	plan, _ = e.Plan(t.Context(), quiet)
	sum, err = e.Run(t.Context(), plan, engine.Options{}, quiet)
	if err != nil || !plan.Clean() || sum.Reused != 4 || len(w.calls) != 0 {
		t.Errorf("second run: %+v, %v, calls %v", sum, err, w.calls)
	}
}

func TestFailureSkipsOnlyWhatDependsOnIt(t *testing.T) {
	w := newWorld()
	boom := errors.New("boom")
	w.broken["b"] = boom
	e, _ := setup(t, w, nil, []string{"a"}, []string{"a"}, []string{"b"})
	plan, _ := e.Plan(t.Context(), quiet)
	var told []*problem.Problem
	sum, err := e.Run(t.Context(), plan, engine.Options{}, func(ev engine.Event) {
		if ev.Problem != nil {
			told = append(told, ev.Problem)
		}
	})
	if !errors.Is(err, boom) || sum.OK || sum.Failed != 1 || sum.Skipped != 1 || sum.Created != 2 {
		t.Errorf("summary %+v, %v", sum, err)
	}
	if len(told) != 1 || told[0].ID != "unknown" {
		t.Errorf("problems %+v: want the one cause, once", told)
	}
	delete(w.broken, "b")
	plan, _ = e.Plan(t.Context(), quiet)
	if sum, err := e.Run(t.Context(), plan, engine.Options{}, quiet); err != nil || sum.Created != 2 || sum.Reused != 2 {
		t.Errorf("resumed: %+v, %v", sum, err)
	}
}

func TestBeforeHoldsAStepBackAndOthersGoOn(t *testing.T) {
	w := newWorld()
	e, _ := setup(t, w, nil, nil, []string{"a"}, []string{"b"}) // c needs a, d needs b
	plan, _ := e.Plan(t.Context(), quiet)
	others := make(chan struct{})
	before := func(_ context.Context, info engine.Info) error {
		switch info.ID {
		case "a":
			<-others
		case "c":
			return errors.New("not this one")
		}
		return nil
	}
	sum, err := e.Run(t.Context(), plan, engine.Options{Before: before}, func(ev engine.Event) {
		if ev.Step == "d" && ev.Status == engine.Done {
			close(others)
		}
	})
	if !errors.Is(err, engine.ErrStopped) || sum.Created != 3 || sum.Skipped != 1 {
		t.Errorf("summary %+v, %v", sum, err)
	}
	plan, _ = e.Plan(t.Context(), quiet)
	var asked []string
	_, err = e.Run(t.Context(), plan, engine.Options{Before: func(_ context.Context, info engine.Info) error {
		asked = append(asked, info.ID)
		return nil
	}}, quiet)
	if err != nil || !slices.Equal(asked, []string{"c"}) {
		t.Errorf("asked before %v, %v: want only what has something to do", asked, err)
	}
}

func TestStopLetsWhatIsInFlightEnd(t *testing.T) {
	w := newWorld()
	w.gate["a"] = make(chan struct{})
	e, _ := setup(t, w, nil, []string{"a"})
	plan, _ := e.Plan(t.Context(), quiet)
	sum, err := e.Run(t.Context(), plan, engine.Options{}, func(ev engine.Event) {
		if ev.Step == "a" && ev.Status == engine.Started {
			e.Stop()
			close(w.gate["a"])
		}
	})
	if !errors.Is(err, engine.ErrStopped) || sum.Created != 1 || sum.Skipped != 1 || !w.there["a"] || w.there["b"] {
		t.Errorf("summary %+v, %v, there %v", sum, err, w.there)
	}
}

func TestDestroyGoesBackwardsAndSparesWhatWasFound(t *testing.T) {
	w := newWorld()
	w.there["a"] = true
	e, store := setup(t, w, nil, []string{"a"}, []string{"b"})
	plan, _ := e.Plan(t.Context(), quiet)
	if _, err := e.Run(t.Context(), plan, engine.Options{}, quiet); err != nil {
		t.Fatal(err)
	}
	w.calls = nil
	sum, err := e.Destroy(t.Context(), quiet)
	if err != nil || sum.Removed != 2 || !slices.Equal(w.calls, []string{"undo c", "undo b"}) || !w.there["a"] {
		t.Errorf("destroy: %+v, %v, calls %v", sum, err, w.calls)
	}
	for _, entry := range store.Record().Entries {
		if entry.Phase != state.Gone {
			t.Errorf("left on record: %+v", entry)
		}
	}
}

// keeper is a step that must not be undone, or that finds somebody else's in the place of what it made.
type keeper struct {
	fake
	hold  error
	leave bool
}

func (k keeper) Removable(context.Context, engine.Ledger) error { return k.hold }

func (k keeper) Undo(ctx context.Context, l engine.Ledger) error {
	if k.leave {
		return l.Found(k.res(), nil)
	}
	return k.fake.Undo(ctx, l)
}

func TestDestroyRemovesNothingWhereAStepIsHeld(t *testing.T) {
	for _, held := range []error{nil, errors.New("it is not known whose it is")} {
		w := newWorld()
		store, err := state.Create(t.TempDir(), "t", state.World{}, state.Answers{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		e, err := engine.New(store, []engine.Step{keeper{fake{w, "a", nil}, held, true}, fake{w, "b", []string{"a"}}})
		if err != nil {
			t.Fatal(err)
		}
		plan, _ := e.Plan(t.Context(), quiet)
		if _, err := e.Run(t.Context(), plan, engine.Options{}, quiet); err != nil {
			t.Fatal(err)
		}
		w.calls = nil
		sum, err := e.Destroy(t.Context(), quiet)
		if held == nil && (err != nil || sum.Removed != 1 || !slices.Equal(w.calls, []string{"undo b"})) { // what is left alone is not removed
			t.Errorf("destroy: %+v, %v, calls %v", sum, err, w.calls)
		}
		if held != nil && (err == nil || sum.Failed != 1 || sum.Skipped != 1 || len(w.calls) > 0) {
			t.Errorf("destroy of what is held: %+v, %v, calls %v", sum, err, w.calls)
		}
	}
}

func TestNewRefusesWhatIsNoGraph(t *testing.T) {
	store, err := state.Create(t.TempDir(), "t", state.World{}, state.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w := newWorld()
	for _, steps := range [][]engine.Step{
		{fake{w, "a", nil}, fake{w, "a", nil}},
		{fake{w, "a", []string{"b"}}, fake{w, "b", nil}},
	} {
		if _, err := engine.New(store, steps); err == nil {
			t.Error("accepted a list that is no graph")
		}
	}
}

func TestLedgerKeepsOriginAndPins(t *testing.T) {
	_, store := setup(t, newWorld())
	l := engine.NewLedger(store, "s", quiet)
	r := state.Resource{Kind: "k", Name: "n"}
	l.Found(r, nil)
	l.Intend(r)
	if got := l.Entry(r).Phase; got != state.Found {
		t.Errorf("changing a found thing made it %q", got)
	}
	l.Gone(r)
	l.Intend(r)
	l.Operation(r, "op-1")
	if e := l.Entry(r); e.Phase != state.Intended || e.Operation != "op-1" {
		t.Errorf("entry %+v", e)
	}
	l.Made(r, map[string]string{"uid": "1"})
	if e := l.Entry(r); e.Phase != state.Made || e.Operation != "" || e.Facts["uid"] != "1" {
		t.Errorf("entry %+v", e)
	}
	if err := errors.Join(l.SetPin("d", "1"), l.SetPin("d", "1")); err != nil {
		t.Error(err)
	}
	if err := l.SetPin("d", "2"); err == nil || l.Pin("d") != "1" {
		t.Errorf("a pin moved: %v", err)
	}
}

// Law: whatever the graph and whichever steps fail or are stopped first, nothing
// starts before what it needs, and running again ends with everything there, each made once.
func TestAnyGraphEndsTheSame(t *testing.T) {
	dir := t.TempDir()
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "steps")
		needs := make([][]string, n)
		for i := range needs {
			for j := range i {
				if rapid.IntRange(0, 3).Draw(rt, "edge") == 0 {
					needs[i] = append(needs[i], string(rune('a'+j)))
				}
			}
		}
		count++
		store, err := state.Create(dir, fmt.Sprintf("t%d", count), state.World{}, state.Answers{})
		if err != nil {
			rt.Fatal(err)
		}
		defer store.Close()
		w := newWorld()
		victim := string(rune('a' + rapid.IntRange(0, n-1).Draw(rt, "victim")))
		w.broken[victim] = errors.New("boom")
		e := engineOn(rt, store, w, needs...)
		plan, _ := e.Plan(t.Context(), quiet)
		if _, err := e.Run(t.Context(), plan, engine.Options{}, quiet); err == nil {
			rt.Fatal("the failure was lost")
		}
		delete(w.broken, victim)
		plan, _ = e.Plan(t.Context(), quiet)
		if sum, err := e.Run(t.Context(), plan, engine.Options{}, quiet); err != nil || !sum.OK {
			rt.Fatalf("resumed: %+v, %v", sum, err)
		}
		order := map[string]int{}
		for i, c := range w.calls {
			if _, twice := order[c]; twice && c != "apply "+victim {
				rt.Fatalf("%s twice in %v", c, w.calls)
			}
			order[c] = i
		}
		for i, ns := range needs {
			for _, need := range ns {
				if order["apply "+need] > order["apply "+string(rune('a'+i))] {
					rt.Fatalf("%c before %s in %v", 'a'+i, need, w.calls)
				}
			}
		}
	})
}

func TestUpToTakesWhatIsNeededAndNoMore(t *testing.T) {
	w := newWorld()
	all := []engine.Step{fake{w, "a", nil}, fake{w, "b", nil}, fake{w, "c", []string{"a"}}, fake{w, "d", []string{"c"}}}
	got, err := engine.UpTo(all, "c")
	if err != nil || len(got) != 2 || got[0].Info().ID != "a" || got[1].Info().ID != "c" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := engine.UpTo(all, "x"); err == nil {
		t.Error("an unknown step was accepted")
	}
}
