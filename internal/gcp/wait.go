package gcp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/status"
)

// Polling starts fast and slows down with the time already waited: each pause is
// a sixteenth of it, so nobody waits much longer than the thing itself takes and
// a cluster's six minutes cost some hundred calls.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// Wait says for what is waited, and for how long: nothing is waited for for ever.
type Wait struct {
	What string              // "operation X": what the error calls it
	For  time.Duration       // at most
	Slow func(time.Duration) // told each sixth of that how long it has been; may be nil
}

// Longest is how long an operation may take: the slowest of Kubernetes Engine's take an hour.
const Longest = 90 * time.Minute

// NotDoneError says that something was begun and did not come to its end while it was waited
// for. It may yet: what waits for it again goes on.
type NotDoneError struct {
	What   string
	Waited time.Duration
}

func (e *NotDoneError) Error() string {
	return fmt.Sprintf("%s has not come to its end within %s", e.What, e.Waited.Round(time.Second))
}

// Await polls until done. Up to three polls in a row may go unanswered.
func Await(ctx context.Context, w Wait, poll func(context.Context) (done bool, err error)) error {
	start, unanswered, told := time.Now(), 0, 1
	for {
		done, err := poll(ctx)
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			unanswered = 0
		case !Lost(err) || unanswered == 3:
			return err
		default:
			unanswered++
		}
		waited := time.Since(start)
		switch {
		case waited >= w.For:
			return &NotDoneError{w.What, waited}
		case w.Slow != nil && waited >= time.Duration(told)*w.For/6:
			w.Slow(waited)
			told++
		}
		pause := min(max(waited/16, shortestPause), longestPause)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// Operations is the mixin that each client of a service with google.longrunning has.
type Operations interface {
	GetOperation(context.Context, *longrunningpb.GetOperationRequest, ...gax.CallOption) (*longrunningpb.Operation, error)
}

// Finish waits for a long-running operation by name and returns how it ended. A
// name from an earlier process will do; an operation that the service has
// forgotten is codes.NotFound. slow is told while it takes long, and may be nil.
func Finish(ctx context.Context, service Operations, name string, slow func(time.Duration)) error {
	return Await(ctx, Wait{"operation " + name, Longest, slow}, func(ctx context.Context) (bool, error) {
		op, err := service.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
		if err != nil {
			return false, err
		}
		if op.GetDone() && op.GetError() != nil {
			return false, fmt.Errorf("operation %s: %w", name, status.ErrorProto(op.GetError()))
		}
		return op.GetDone(), nil
	})
}

// Retry is how something eventually consistent is waited out.
type Retry struct {
	For    time.Duration    // at most
	When   func(error) bool // these errors pass by themselves
	Notice func(error)      // told once, at the first wait; may be nil
}

// Do calls do until it succeeds, fails in another way, or the time is up. The
// pause doubles from 100 ms to 10 s, half of it random, so that two that collided
// do not collide again.
func (r Retry) Do(ctx context.Context, do func(context.Context) error) error {
	start := time.Now()
	for pause, told := 100*time.Millisecond, false; ; pause = min(2*pause, 10*time.Second) {
		err := do(ctx)
		if err == nil || !r.When(err) {
			return err
		}
		if waited := time.Since(start); waited >= r.For {
			return fmt.Errorf("still so after %s: %w", waited.Round(time.Second), err)
		}
		if !told && r.Notice != nil {
			r.Notice(err)
			told = true
		}
		if err := sleep(ctx, pause/2+rand.N(pause/2)); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Settles is how long Google may take to spread the word of an API just enabled.
// Its own message says "a few minutes".
const Settles = 5 * time.Minute

// Enabled remembers that an API was switched on at a time, so that SERVICE_DISABLED
// is waited out for a while.
func (c *Clients) Enabled(service string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settling[service] = at
}

// Settling says whether an error is SERVICE_DISABLED from an API that was enabled so
// recently that the answer will change by itself.
func (c *Clients) Settling(err error) bool {
	disabled, ok := Disabled(err)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.settling[disabled.Service]
	return ok && time.Since(at) < Settles
}
