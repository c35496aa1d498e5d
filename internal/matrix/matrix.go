package matrix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Undisturbed is a run with nothing in its way: what it called, and the state it left.
type Undisturbed struct {
	Calls []Call
	State *State
}

// Reference makes two undisturbed runs, side by side, and holds one against the other: where
// they differ, no comparison means anything.
func Reference(ctx context.Context, bin string) (_ *Undisturbed, err error) {
	var worlds [2]*World
	for i := range worlds {
		if worlds[i], err = newWorld(ctx, bin); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, worlds[i].Close(ctx)) }()
	}
	var both [2]*Undisturbed
	var errs [2]error
	var wait sync.WaitGroup
	for i, w := range worlds {
		wait.Go(func() { both[i], errs[i] = w.undisturbed(ctx) })
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	// On a busy machine a cluster can look at rest while a controller waits for its turn.
	err = eventually(ctx, settlesWithin, func(ctx context.Context) error {
		differences := both[0].State.Differences(both[1].State)
		if len(differences) == 0 {
			return nil
		}
		for i, w := range worlds {
			now, err := w.State(ctx)
			if err != nil {
				return err
			}
			both[i].State = now
		}
		return fmt.Errorf("two undisturbed runs differ, where no rule says so:\n  %s", strings.Join(differences, "\n  "))
	})
	return both[0], err
}

func (w *World) undisturbed(ctx context.Context) (u *Undisturbed, err error) {
	run, err := w.Apply(ctx)
	if err != nil {
		return nil, err
	}
	if !run.OK() {
		return nil, fmt.Errorf("a run with nothing in its way failed: %s", run)
	}
	u = &Undisturbed{}
	if u.Calls, err = w.Calls(); err != nil {
		return nil, err
	}
	u.State, err = w.atRest(ctx)
	return u, err
}

// atRest is the state when it no longer changes: controllers are done.
func (w *World) atRest(ctx context.Context) (*State, error) {
	last, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	still := 0
	err = eventually(ctx, settlesWithin, func(ctx context.Context) error {
		now, err := w.State(ctx)
		if err != nil {
			return err
		}
		differences := last.Differences(now)
		if last, still = now, still+1; len(differences) > 0 {
			still = 0
		}
		if still < 3 {
			return fmt.Errorf("the cluster does not come to rest: %s", strings.Join(differences, "; "))
		}
		return nil
	})
	return last, err
}

// Trial is a case of a matrix.
type Trial interface {
	fmt.Stringer
	Try(ctx context.Context, bin string, want *State) error
}

// Result is how a trial ended; Err is nil if it passed.
type Result struct {
	Trial
	Err  error
	Took time.Duration
}

// All carries trials out, so many at once, and tells each result as it comes.
func All(ctx context.Context, bin string, want *State, trials []Trial, atOnce int, tell func(Result)) (passed, failed int) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	next := make(chan Trial)
	for range atOnce {
		wait.Go(func() {
			for t := range next {
				start := time.Now()
				err := t.Try(ctx, bin, want)
				if ctx.Err() != nil {
					continue // broken off: it says nothing
				}
				mu.Lock()
				if err == nil {
					passed++
				} else {
					failed++
				}
				tell(Result{t, err, time.Since(start)})
				mu.Unlock()
			}
		})
	}
	for _, t := range trials {
		if ctx.Err() != nil {
			break
		}
		next <- t
	}
	close(next)
	wait.Wait()
	return passed, failed
}

// Print writes a result for people; again is the command that runs the one trial again.
func Print(out io.Writer, r Result, again string) {
	if r.Err == nil {
		fmt.Fprintf(out, "ok    %6.1f s  %s\n", r.Took.Seconds(), r)
		return
	}
	fmt.Fprintf(out, "FAIL  %6.1f s  %s\n  %s\n  again: %s'%s'\n", r.Took.Seconds(), r, strings.ReplaceAll(r.Err.Error(), "\n", "\n  "), again, r)
}

// Sample draws trials by a seed: one of each kind that is named by a pattern, and more up to n.
func Sample[T Trial](all []T, seed uint64, n int, kinds ...string) ([]T, error) {
	draw := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // which ones are tried is no secret
	order := draw.Perm(len(all))
	taken := map[int]bool{}
	var some []T
	take := func(i int) {
		taken[i] = true
		some = append(some, all[i])
	}
	for _, kind := range kinds {
		is, err := regexp.Compile(kind)
		if err != nil {
			return nil, err
		}
		found := false
		for _, i := range order {
			if !found && !taken[i] && is.MatchString(all[i].String()) {
				take(i)
				found = true
			}
		}
		if !found {
			return nil, fmt.Errorf("no case is of the kind %q", kind)
		}
	}
	for _, i := range order {
		if len(some) < n && !taken[i] {
			take(i)
		}
	}
	return some, nil
}
