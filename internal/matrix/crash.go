package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signgate/signgate/sandbox/fault"
)

// Crash is one case: the program is killed at a call, right before it takes effect or
// right after.
type Crash struct {
	Call
	After bool
}

// String names the case as -only takes it.
func (c Crash) String() string {
	when := "before"
	if c.After {
		when = "after"
	}
	return c.Call.String() + "/" + when
}

// Crashes are two cases for each call that changes something.
func Crashes(calls []Call) []Crash {
	var all []Crash
	for _, c := range writes(calls) {
		all = append(all, Crash{c, false}, Crash{c, true})
	}
	return all
}

// Kinds are what every sample has one case of, as patterns of names: inside Helm's install,
// the writes of access policies, the signature, the cluster, the account, and the image push.
func Kinds() []string {
	return []string{`cosign-system|customresourcedefinitions|admissionregistration`, `SetIamPolicy`, `AsymmetricSign`, `CreateCluster#`, `CreateServiceAccount`,
		`manifests/|artifacts-uploads`}
}

// Bounds of a case. They end what hangs; no figure is taken from them.
const (
	heldWithin    = 3 * time.Minute
	leftWithin    = 20 * time.Second
	resumedWithin = 5 * time.Minute
)

// Try carries the case out in a world of its own and compares its end with that of an
// undisturbed run.
func (c Crash) Try(ctx context.Context, bin string, want *State) (err error) {
	w, err := newWorld(ctx, bin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close(ctx)) }()
	if err := c.kill(ctx, w); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, resumedWithin)
	defer cancel()
	again, err := w.Apply(ctx)
	if err != nil {
		return err
	}
	if !again.OK() {
		return fmt.Errorf("run again, it does not come to its end: %s", again)
	}
	return w.Reaches(ctx, want)
}

// kill runs the program until the call is held, ends it there with SIGKILL, and clears the way.
func (c Crash) kill(ctx context.Context, w *World) error {
	id, err := w.box.AddFault(ctx, fault.Fault{Target: c.Target, Nth: c.Nth, After: c.After, Hold: true})
	if err != nil {
		return err
	}
	run, err := w.Start(ctx)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, heldWithin)
	defer cancel()
	held := make(chan error, 1)
	go func() { held <- w.box.AwaitHeld(wait, id) }()
	select {
	case err = <-held:
	case <-run.ended:
		return fmt.Errorf("the call never came, and the run ended: %s", run)
	}
	if err := errors.Join(err, run.Kill()); err != nil {
		return err
	}
	if err := w.left(ctx, id); err != nil {
		return err
	}
	return w.box.ClearFaults(ctx)
}

// left waits until the sandbox has noticed that the client has gone: a call that was held
// before its effect has none then.
func (w *World) left(ctx context.Context, id string) error {
	return eventually(ctx, leftWithin, func(ctx context.Context) error {
		held, err := w.box.IsHeld(ctx, id)
		if err == nil && held {
			err = errors.New("the call of a process that is gone is still held")
		}
		return err
	})
}

// eventually asks again and again until there is no error, or the time is up.
func eventually(ctx context.Context, within time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var last error
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(50 * time.Millisecond):
		}
	}
}
