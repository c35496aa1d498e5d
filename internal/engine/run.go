package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// Options of a run.
type Options struct {
	// Overwrite names the steps that may revert what someone changed by hand.
	Overwrite []string
	// Before, if set, is asked before each step that may have something to do. It may
	// take its time; a step that it answers an error for is skipped.
	Before func(context.Context, Info) error
}

// outcome is how a step ended, for those that need it and for the summary.
type outcome struct {
	status  Status
	changed bool             // it did something to the world
	cause   *problem.Problem // of a failure
}

// Run carries out a plan: every step as soon as all that it needs is there, many
// at once. A failure skips what depends on it and nothing else. Steps that the
// plan found as wanted are inspected again only if something they need changed.
// The last event is the summary; the error is the first problem, or ErrStopped.
func (e *Engine) Run(ctx context.Context, plan Plan, opt Options, emit func(Event)) (Summary, error) {
	start := time.Now()
	r := &run{Engine: e, opt: opt, emit: serial(emit), plan: plan}
	outcomes := r.walk(forward(e.infos), func(i int, needs []outcome) outcome { return r.step(ctx, i, needs) })
	return r.finish(start, outcomes)
}

// Destroy undoes, in the reverse order, what this setup made; found things stay. Where a
// step must not be undone, none is.
func (e *Engine) Destroy(ctx context.Context, emit func(Event)) (Summary, error) {
	start := time.Now()
	r := &run{Engine: e, emit: serial(emit)}
	if outcomes, held := r.guarded(ctx); held {
		return r.finish(start, outcomes)
	}
	outcomes := r.walk(backward(e.infos), func(i int, needs []outcome) outcome { return r.undo(ctx, i, needs) })
	return r.finish(start, outcomes)
}

type run struct {
	*Engine
	opt  Options
	emit func(Event)
	plan Plan
}

// walk runs each step once all its edges are done, in parallel, and returns how each ended.
func (r *run) walk(edges [][]int, do func(i int, needs []outcome) outcome) []outcome {
	outcomes := make([]outcome, len(r.steps))
	done := make([]chan struct{}, len(r.steps))
	for i := range done {
		done[i] = make(chan struct{})
	}
	for i := range r.steps {
		go func() {
			defer close(done[i])
			needs := make([]outcome, len(edges[i]))
			for n, j := range edges[i] {
				<-done[j]
				needs[n] = outcomes[j]
			}
			outcomes[i] = do(i, needs)
		}()
	}
	for _, d := range done {
		<-d
	}
	return outcomes
}

// step brings one step to its end and reports it.
func (r *run) step(ctx context.Context, i int, needs []outcome) outcome {
	info := r.infos[i]
	if o, skip := r.skip(ctx, info, needs); skip {
		return o
	}
	planned, l := r.plan.Steps[i].Change, r.ledger(i, r.emit)
	if changed := slices.ContainsFunc(needs, func(n outcome) bool { return n.changed }); !changed && settled(planned, l) {
		return r.end(info, time.Now(), outcome{status: Reused}, planned.Summary)
	}
	if o, skip := r.ask(ctx, info, needs); skip {
		return o
	}
	start := time.Now()
	r.report(Event{Type: TypeStep, Step: info.ID, Status: Started, Text: info.Title})
	ctx = r.with(ctx, l)
	change, err := r.steps[i].Inspect(ctx, l)
	if err == nil {
		err = r.apply(ctx, i, change, l)
	}
	switch {
	case err != nil:
		return r.end(info, start, outcome{status: Failed, cause: problem.From(err)}, "")
	case change.Action == None || change.Action == Reuse:
		return r.end(info, start, outcome{status: Reused}, change.Summary)
	}
	return r.end(info, start, outcome{status: Done, changed: true}, change.Summary)
}

// ask lets whoever watches hold a step back; the run may have been stopped meanwhile.
func (r *run) ask(ctx context.Context, info Info, needs []outcome) (outcome, bool) {
	if r.opt.Before == nil {
		return outcome{}, false
	}
	if err := r.opt.Before(ctx, info); err != nil {
		return r.skipped(info), true
	}
	return r.skip(ctx, info, needs)
}

func (e *Engine) with(ctx context.Context, l Ledger) context.Context {
	if e.With == nil {
		return ctx
	}
	return e.With(ctx, l)
}

// settled says whether nothing is left to do: all is as wanted, and what was there
// before us is on record as found.
func settled(c Change, l Ledger) bool {
	return c.Action == None || c.Action == Reuse && len(l.Entries()) > 0
}

func (r *run) apply(ctx context.Context, i int, change Change, l Ledger) error {
	switch {
	case change.Action == Blocked:
		return change.Problem
	case settled(change, l):
		return nil
	case change.Drift && !slices.Contains(r.opt.Overwrite, r.infos[i].ID):
		return problem.Drift(r.infos[i].ID, change.Summary, change.Before, change.After)
	}
	return r.steps[i].Apply(ctx, change, l)
}

// guarded asks the steps that may know of a reason whether they must not be undone. Where one
// must not, it has failed and the rest is skipped.
func (r *run) guarded(ctx context.Context) (outcomes []outcome, held bool) {
	outcomes = make([]outcome, len(r.steps))
	for i, s := range r.steps {
		l := r.ledger(i, r.emit)
		g, ok := s.(Guarded)
		if !ok || owned(l.Entries()) == 0 {
			continue
		}
		start := time.Now()
		if err := g.Removable(r.with(ctx, l), l); err != nil {
			outcomes[i], held = r.end(r.infos[i], start, outcome{status: Failed, cause: problem.From(err)}, ""), true
		}
	}
	if !held {
		return nil, false
	}
	for i, info := range r.infos {
		if outcomes[i].status == "" && owned(r.ledger(i, r.emit).Entries()) > 0 {
			outcomes[i] = r.skipped(info)
		}
	}
	return outcomes, true
}

// undo takes one step back. A step of which nothing is on record has nothing to undo;
// of one whose things Google lets nobody remove, all stays.
func (r *run) undo(ctx context.Context, i int, dependents []outcome) outcome {
	info := r.infos[i]
	if o, skip := r.skip(ctx, info, dependents); skip {
		return o
	}
	l := r.ledger(i, r.emit)
	before := l.Entries()
	if owned(before) == 0 {
		return outcome{status: Reused}
	}
	start := time.Now()
	r.report(Event{Type: TypeStep, Step: info.ID, Status: Started, Text: info.Title})
	if err := r.steps[i].Undo(r.with(ctx, l), l); err != nil {
		return r.end(info, start, outcome{status: Failed, cause: problem.From(err)}, "")
	}
	if removed(l.Entries()) == removed(before) {
		return r.end(info, start, outcome{status: Reused}, info.Title+" stays")
	}
	return r.end(info, start, outcome{status: Undone, changed: true}, info.Title)
}

// owned counts what is this setup's to remove.
func owned(entries []state.Entry) int {
	n := 0
	for _, e := range entries {
		if e.Ours() {
			n++
		}
	}
	return n
}

// removed counts what is gone.
func removed(entries []state.Entry) int {
	n := 0
	for _, e := range entries {
		if e.Phase == state.Gone {
			n++
		}
	}
	return n
}

// skip says whether a step is not to be started: something it needs is missing,
// or the run was asked to stop. The cause is told of the step that failed, and not
// again of each that waited for it.
func (r *run) skip(ctx context.Context, info Info, needs []outcome) (outcome, bool) {
	for _, n := range needs {
		if n.status == Failed || n.status == Skipped {
			return r.skipped(info), true
		}
	}
	if r.stopped() || ctx.Err() != nil {
		return r.skipped(info), true
	}
	return outcome{}, false
}

func (r *run) skipped(info Info) outcome {
	r.report(Event{Type: TypeStep, Step: info.ID, Status: Skipped, Text: info.Title})
	return outcome{status: Skipped}
}

func (r *run) end(info Info, start time.Time, o outcome, text string) outcome {
	if text == "" {
		text = info.Title
	}
	r.report(Event{Type: TypeStep, Step: info.ID, Status: o.status, Seconds: time.Since(start).Seconds(), Text: text, Problem: o.cause})
	return o
}

func (r *run) report(ev Event) {
	ev.Time = time.Now()
	r.emit(ev)
}

// finish adds up and says the last word.
func (r *run) finish(start time.Time, outcomes []outcome) (Summary, error) {
	s := Summary{Seconds: time.Since(start).Seconds()}
	var first error
	for i, o := range outcomes {
		switch o.status {
		case Undone:
			s.Removed++
		case Done:
			if r.plan.Steps[i].Change.Action == Update {
				s.Changed++
			} else {
				s.Created++
			}
		case Reused:
			s.Reused++
		case Skipped:
			s.Skipped++
		case Failed:
			s.Failed++
			if first == nil {
				first = fmt.Errorf("step %s: %w", r.infos[i].ID, o.cause)
			}
		}
	}
	if first == nil && s.Skipped > 0 {
		first = ErrStopped
	}
	s.OK = first == nil
	r.report(Event{Type: TypeSummary, Summary: &s})
	return s, first
}

// forward gives each step the indexes of what it needs.
func forward(infos []Info) [][]int {
	index := map[string]int{}
	edges := make([][]int, len(infos))
	for i, info := range infos {
		index[info.ID] = i
		for _, need := range info.Needs {
			edges[i] = append(edges[i], index[need])
		}
	}
	return edges
}

// backward gives each step the indexes of what needs it.
func backward(infos []Info) [][]int {
	edges := make([][]int, len(infos))
	for i, needs := range forward(infos) {
		for _, j := range needs {
			edges[j] = append(edges[j], i)
		}
	}
	return edges
}
