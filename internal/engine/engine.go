package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// Engine runs one setup's steps against one record.
type Engine struct {
	store *state.Store
	steps []Step
	infos []Info
	index map[string]int

	stop     chan struct{}
	stopOnce sync.Once

	// Complete, if set, adds to a plan what the engine cannot know, before it is told.
	Complete func(*Plan)

	// With, if set, gives the context in which a step works or is undone.
	With func(context.Context, Ledger) context.Context
}

// ErrStopped is the outcome of a run that was asked to stop; running again goes on.
var ErrStopped = errors.New("stopped before the end")

// New checks that the steps form a graph: ids are unique, and each need stands
// before the step in the list, so that the list is a valid order by itself.
func New(store *state.Store, steps []Step) (*Engine, error) {
	e := &Engine{store: store, steps: steps, index: map[string]int{}, stop: make(chan struct{})}
	for i, s := range steps {
		info := s.Info()
		if _, twice := e.index[info.ID]; twice {
			return nil, fmt.Errorf("step %q stands twice in the list", info.ID)
		}
		for _, need := range info.Needs {
			if _, ok := e.index[need]; !ok {
				return nil, fmt.Errorf("step %q needs %q, which does not stand before it", info.ID, need)
			}
		}
		e.index[info.ID] = i
		e.infos = append(e.infos, info)
	}
	return e, nil
}

// Stop starts nothing new; what is in flight may end. Cancel the context to end that too.
func (e *Engine) Stop() { e.stopOnce.Do(func() { close(e.stop) }) }

func (e *Engine) stopped() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

// Plan inspects every step at once and says what a run would do. It changes
// nothing. Where an inspection fails because what the step needs is not there
// yet, the step is one to be created.
func (e *Engine) Plan(ctx context.Context, emit func(Event)) (Plan, error) {
	emit = serial(emit)
	start := time.Now()
	changes := make([]Change, len(e.steps))
	errs := make([]error, len(e.steps))
	took := make([]float64, len(e.steps))
	var wg sync.WaitGroup
	for i, s := range e.steps {
		wg.Go(func() {
			changes[i], errs[i] = s.Inspect(ctx, e.ledger(i, emit))
			took[i] = time.Since(start).Seconds()
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return Plan{}, err
	}
	plan := Plan{Steps: make([]Planned, len(e.steps))}
	for i, info := range e.infos {
		if errs[i] != nil {
			changes[i] = e.uninspected(i, changes, errs[i])
		}
		plan.Steps[i] = Planned{Info: info, Change: changes[i], Inspected: took[i]}
	}
	plan.Seconds = time.Since(start).Seconds()
	if e.Complete != nil {
		e.Complete(&plan)
	}
	emit(Event{Time: time.Now(), Type: TypePlan, Plan: &plan})
	return plan, nil
}

// uninspected is the change of a step that could not be inspected: to be created
// if something it needs is still to be made, blocked if not.
func (e *Engine) uninspected(i int, changes []Change, err error) Change {
	info, summary := e.infos[i], e.infos[i].Title
	if s, ok := e.steps[i].(Maker); ok {
		summary = s.Makes()
	}
	for _, need := range info.Needs {
		switch changes[e.index[need]].Action {
		case Create, Update:
			return Change{Action: Create, Summary: summary}
		case Blocked:
			return Change{Action: Blocked, Summary: summary, Problem: changes[e.index[need]].Problem}
		}
	}
	return Change{Action: Blocked, Summary: summary, Problem: problem.From(err)}
}

// Blocked returns the problems of a plan, one for each cause.
func (p Plan) Blocked() []*problem.Problem {
	var all []*problem.Problem
	seen := map[problem.Problem]bool{}
	for _, s := range p.Steps {
		if s.Change.Action != Blocked {
			continue
		}
		cause := *s.Change.Problem
		cause.Err = nil // of the same words each step may have an error of its own
		if !seen[cause] {
			seen[cause] = true
			all = append(all, s.Change.Problem)
		}
	}
	return all
}

// Counts tells how many steps of the plan have each action.
func (p Plan) Counts() map[Action]int {
	n := map[Action]int{}
	for _, s := range p.Steps {
		n[s.Change.Action]++
	}
	return n
}

// Clean reports whether everything is as wanted already.
func (p Plan) Clean() bool {
	n := p.Counts()
	return n[Create]+n[Update]+n[Blocked] == 0
}

// Drift lists the steps whose change would revert what someone did by hand.
func (p Plan) Drift() []Planned {
	var all []Planned
	for _, s := range p.Steps {
		if s.Change.Drift {
			all = append(all, s)
		}
	}
	return all
}

func (e *Engine) ledger(i int, emit func(Event)) Ledger {
	return NewLedger(e.store, e.infos[i].ID, emit)
}

// serial lets one event through at a time, so that a reader needs no lock.
func serial(emit func(Event)) func(Event) {
	var mu sync.Mutex
	return func(ev Event) {
		mu.Lock()
		defer mu.Unlock()
		emit(ev)
	}
}

// UpTo returns the step of that id and all that it needs, in the order of the list.
func UpTo(steps []Step, id string) ([]Step, error) {
	wanted := map[string]bool{id: true}
	var out []Step
	for i := len(steps) - 1; i >= 0; i-- {
		info := steps[i].Info()
		if !wanted[info.ID] {
			continue
		}
		for _, need := range info.Needs {
			wanted[need] = true
		}
		out = append([]Step{steps[i]}, out...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no step %q", id)
	}
	return out, nil
}
