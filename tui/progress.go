package tui

import (
	"errors"
	"slices"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// run is what is known of a run from its events: the one value that the run's
// screen, the proof and the summary draw.
type run struct {
	steps    []stepRun
	index    map[string]int
	verdicts []engine.Verdict
	warnings []string // what must be seen, whatever else goes on
	summary  *engine.Summary
	log      logBook

	undo         bool // a destroy
	began, ended time.Time
	err          error
	pausing      bool
}

// stepRun is one step of it.
type stepRun struct {
	engine.Info
	planned  engine.Change
	status   engine.Status // "" while it waits
	began    time.Time
	took     float64 // seconds, once it ended
	text     string
	progress *engine.Progress
	problem  *problem.Problem
	waiting  bool // at the gate, to be read
}

// newRun prepares for a plan's run. What an earlier attempt at it showed stays
// in the log, and what it did keeps its time.
func newRun(plan engine.Plan, before *run, now time.Time) *run {
	r := &run{index: map[string]int{}, began: now}
	for i, p := range plan.Steps {
		r.index[p.ID] = i
		r.steps = append(r.steps, stepRun{Info: p.Info, planned: p.Change})
	}
	if before == nil {
		return r
	}
	r.log, r.warnings = before.log, before.warnings
	r.began = now.Add(-before.elapsed(now))
	for _, s := range before.steps {
		if i, ok := r.index[s.ID]; ok && s.status == engine.Done {
			r.steps[i].status, r.steps[i].took, r.steps[i].text = s.status, s.took, s.text
		}
	}
	return r
}

// apply takes one event in.
func (r *run) apply(ev engine.Event, now time.Time) {
	if !ev.Time.IsZero() {
		now = ev.Time
	}
	r.log.add(now, ev)
	s := r.step(ev.Step)
	switch ev.Type {
	case engine.TypeStep:
		if s != nil {
			s.apply(ev, now)
		}
	case engine.TypeProgress:
		if s != nil {
			s.progress = ev.Progress
			if ev.Text != "" {
				s.text = line(ev.Text)
			}
		}
	case engine.TypePlan:
		r.renew(ev)
	case typeWaiting:
		if s != nil {
			s.waiting = true
		}
	case engine.TypeNotice:
		r.warn(ev)
	case engine.TypeVerdict:
		r.judge(*ev.Verdict)
	case engine.TypeSummary:
		r.summary = ev.Summary
	}
}

func (s *stepRun) apply(ev engine.Event, now time.Time) {
	if ev.Status == engine.Reused && s.status == engine.Done {
		return // an earlier attempt made it
	}
	s.status, s.progress, s.waiting = ev.Status, nil, false
	switch ev.Status {
	case engine.Started:
		s.began, s.problem, s.text = now, nil, ""
	default:
		s.took, s.text, s.problem = ev.Seconds, line(ev.Text), ev.Problem
	}
}

// warn keeps a warning, once: one must see it whatever else goes on.
func (r *run) warn(ev engine.Event) {
	if text := line(ev.Text); ev.Warning && !slices.Contains(r.warnings, text) {
		r.warnings = append(r.warnings, text)
	}
}

// judging says whether the proof has begun.
func (r *run) judging() bool {
	s := r.step("proof")
	return !r.undo && s != nil && (s.status == engine.Started || len(r.verdicts) > 0)
}

// next is the first step that waits to be read, -1 if none does.
func (r *run) next() int {
	return slices.IndexFunc(r.steps, func(s stepRun) bool { return s.waiting })
}

// judge notes a verdict; one of the same case before it (a retry) is replaced.
func (r *run) judge(v engine.Verdict) {
	for i := range r.verdicts {
		if r.verdicts[i].Case == v.Case {
			r.verdicts[i] = v
			return
		}
	}
	r.verdicts = append(r.verdicts, v)
}

func (r *run) step(id string) *stepRun {
	if i, ok := r.index[id]; ok {
		return &r.steps[i]
	}
	return nil
}

func (r *run) end(err error, now time.Time) {
	r.ended, r.err = now, err
	for i := range r.steps {
		r.steps[i].waiting = false
	}
	if r.err == nil && r.summary != nil && !r.summary.OK {
		r.err = errors.New("not all steps went well")
	}
}

func (r *run) active() bool { return r.ended.IsZero() }

func (r *run) elapsed(now time.Time) time.Duration {
	if !r.active() {
		now = r.ended
	}
	return max(0, now.Sub(r.began))
}

// stopped reports whether the run ended because it was asked to.
func (r *run) stopped() bool { return !r.active() && errors.Is(r.err, engine.ErrStopped) }

// failed lists the steps that failed.
func (r *run) failed() []*stepRun {
	var all []*stepRun
	for i := range r.steps {
		if r.steps[i].status == engine.Failed {
			all = append(all, &r.steps[i])
		}
	}
	return all
}

// cause is the problem to show: a failed step's, else that of the run itself.
func (r *run) cause() *problem.Problem {
	for _, s := range r.failed() {
		if s.problem != nil {
			return s.problem
		}
	}
	if r.err != nil && !r.active() {
		return asProblem(r.err)
	}
	return nil
}

// count is how many steps have a status.
func (r *run) count(statuses ...engine.Status) int {
	n := 0
	for i := range r.steps {
		for _, st := range statuses {
			if r.steps[i].status == st {
				n++
			}
		}
	}
	return n
}

// state is the run in a word.
func (r *run) state() string {
	switch {
	case r.active() && r.undo:
		return "removing"
	case r.active():
		return "running"
	case r.stopped():
		return "paused"
	case r.err != nil:
		return "failed"
	case r.undo:
		return "removed"
	}
	return "done"
}

// share is how much of a step is done, from 0 to 1; ok is false if nobody knows.
func (s *stepRun) share() (part float64, ok bool) {
	if s.progress == nil || s.progress.Total <= 0 {
		return 0, false
	}
	return min(1, max(0, float64(s.progress.Done)/float64(s.progress.Total))), true
}
