package matrix

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signgate/signgate/sandbox/fault"
)

// Kind is a way in which calls fail: a column of the table of faults, whose rows are all the
// calls that a run makes.
type Kind struct {
	Name  string
	Fault fault.Fault // without its target; it happens once to each call
	Stops []string    // the problems that a run may stop at, to go on once the fault is gone; none: it must recover
	Only  string      // regular expression of the calls that it can happen to; "": all
	Why   string      // why not to the others
}

// faultKinds are the columns. A code goes with the words that Google says with it.
func faultKinds() []Kind {
	once := func(f fault.Fault) fault.Fault { f.Times = 1; return f }
	answer := func(code string, after bool) fault.Fault { return once(fault.Fault{Code: code, After: after}) }
	const signIn = ` oauth2\.googleapis\.com/`
	return []Kind{
		{Name: "unavailable", Fault: answer("UNAVAILABLE", false), Stops: []string{"service-unavailable"}},
		{Name: "unavailable-after", Fault: answer("UNAVAILABLE", true), Stops: []string{"service-unavailable"}},
		{Name: "internal", Fault: answer("INTERNAL", false), Stops: []string{"service-internal"}},
		{Name: "internal-after", Fault: answer("INTERNAL", true), Stops: []string{"service-internal"}},
		{Name: "deadline", Fault: answer("DEADLINE_EXCEEDED", false), Stops: []string{"timeout"}},
		{Name: "deadline-after", Fault: answer("DEADLINE_EXCEEDED", true), Stops: []string{"timeout"}},
		{Name: "too-many", Fault: once(fault.Fault{Code: "RESOURCE_EXHAUSTED", RetryAfter: time.Second}), Stops: []string{"rate-limited", "registry-rate-limit"}},
		{Name: "quota", Fault: once(fault.Fault{Code: "RESOURCE_EXHAUSTED", Message: quotaWords}), Stops: []string{"rate-limited", "registry-rate-limit"}},
		{Name: "cut", Fault: once(fault.Fault{Cut: true}), Stops: []string{"unreachable"}},
		{Name: "cut-after", Fault: once(fault.Fault{Cut: true, After: true}), Stops: []string{"unreachable"}},
		{Name: "aborted", Fault: answer("ABORTED", false), Stops: []string{"aborted"}},
		{Name: "denied", Fault: answer("PERMISSION_DENIED", false), Stops: []string{"permission-denied", "project-not-found"}},
		{Name: "signed-out", Fault: answer("UNAUTHENTICATED", false), Stops: []string{"not-signed-in"}},
		{Name: "late", Fault: once(fault.Fault{Delay: 2 * time.Second})},
		{Name: "expired", Fault: answer("invalid_rapt", false), Stops: []string{"credentials-expired"}, Only: signIn, Why: "it is an answer of the token endpoint"},
		{Name: "revoked", Fault: answer("invalid_grant", false), Stops: []string{"credentials-revoked"}, Only: signIn, Why: "it is an answer of the token endpoint"},
	}
}

const quotaWords = "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service for consumer 'project_number:1'."

// Faults are a trial of one kind: it happens, once, to every one of the calls, in one world.
// The program is run again until it comes to its end; each time it may only have stopped at
// what the kind allows, after something new has happened to it.
type Faults struct {
	Kind
	Targets []string
	Pairs   []Pair // how each went, once it was tried
}

// Pair is a call and what a fault of it led to.
type Pair struct {
	Target string
	Run    int // in which it happened; 0: it did not
}

// String names the trial as -only takes it.
func (f *Faults) String() string { return f.Name }

// Table is the trials for all kinds, and the pairs of call and kind that are left out, with why.
func Table(targets []string) (all []*Faults, out []string) {
	for _, k := range faultKinds() {
		can := regexp.MustCompile(k.Only)
		f := &Faults{Kind: k}
		for _, t := range targets {
			if can.MatchString(t) {
				f.Targets = append(f.Targets, t)
			}
		}
		if n := len(targets) - len(f.Targets); n > 0 {
			out = append(out, fmt.Sprintf("%s × %d calls: %s", k.Name, n, k.Why))
		}
		all = append(all, f)
	}
	return all, out
}

// Try implements Trial.
func (f *Faults) Try(ctx context.Context, bin string, want *State) (err error) {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close(ctx)) }()
	ids := map[string]string{}
	for _, target := range f.Targets {
		what := f.Fault
		what.Target = target
		id, err := w.box.AddFault(ctx, what)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		ids[id] = target
	}
	if err := f.run(ctx, w, ids); err != nil {
		return err
	}
	return w.Reaches(ctx, want.Without(history))
}

// history is how often something was done: a call whose answer was lost is made again.
var history = regexp.MustCompile(`/operations/`)

// run starts the program again and again until it has come to its end.
func (f *Faults) run(ctx context.Context, w *World, ids map[string]string) error {
	var wrong []error
	happened := map[string]int{}
	for n := 1; ; n++ {
		within, cancel := context.WithTimeout(ctx, resumedWithin)
		run, err := w.Apply(within)
		cancel()
		if err != nil {
			return errors.Join(append(wrong, err)...)
		}
		news, err := f.news(ctx, w, ids, happened, n)
		if err != nil {
			return err
		}
		if run.OK() {
			break
		}
		for _, id := range run.Problems() {
			if !slices.Contains(f.Stops, id) {
				wrong = append(wrong, fmt.Errorf("run %d stopped at %s, which is not for this; it happened to:\n    %s\n  %s", n, id, strings.Join(news, "\n    "), run))
			}
		}
		if len(news) == 0 {
			return errors.Join(append(wrong, fmt.Errorf("run %d stopped, and nothing had happened to it: %s", n, run))...)
		}
	}
	for _, target := range f.Targets {
		f.Pairs = append(f.Pairs, Pair{target, happened[target]})
	}
	return errors.Join(wrong...)
}

// news are the calls that the fault happened to in this run.
func (f *Faults) news(ctx context.Context, w *World, ids map[string]string, happened map[string]int, run int) ([]string, error) {
	all, err := w.box.ListFaults(ctx)
	if err != nil {
		return nil, err
	}
	var news []string
	for _, one := range all {
		if target := ids[one.ID]; one.Hits > 0 && happened[target] == 0 {
			happened[target] = run
			news = append(news, target)
		}
	}
	return news, nil
}

// Targets are all calls of a run, each once, as faults name them: reads and writes, of Google's
// APIs, the registries and the cluster. One run is made to see them.
func Targets(ctx context.Context, bin string) (targets []string, err error) {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close(ctx)) }()
	// A fault that never happens has requests to the cluster pass where they are seen.
	if _, err := w.box.AddFault(ctx, fault.Fault{Target: endpoints, Nth: 1 << 30, Delay: time.Second}); err != nil {
		return nil, err
	}
	run, err := w.Apply(ctx)
	if err != nil {
		return nil, err
	}
	if !run.OK() {
		return nil, fmt.Errorf("a run with nothing in its way failed: %s", run)
	}
	calls, err := w.journaled()
	if err != nil {
		return nil, err
	}
	return targetsOf(calls), nil
}

// targetsOf are the calls of a run, each once, and the sign-in that goes before them.
func targetsOf(calls []Call) []string {
	targets := []string{"POST oauth2.googleapis.com/token"}
	for _, c := range calls {
		if target := alike(c.Target); !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	return targets
}

// alike has calls that differ in a digest, an address or a query only as one.
func alike(target string) string {
	target, _, _ = strings.Cut(target, "?")
	for _, r := range []struct{ pattern, by string }{
		{`203\.0\.113\.\d+`, endpoints},
		{`sha256:[0-9a-f]{64}`, "sha256:*"},
		{`sha256-[0-9a-f]{64}`, "sha256-*"},
	} {
		target = regexp.MustCompile(r.pattern).ReplaceAllString(target, r.by)
	}
	return target
}
