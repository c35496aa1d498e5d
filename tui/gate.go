package tui

import (
	"context"
	"sync"

	"github.com/signgate/signgate/internal/engine"
)

// gate is where a run in learn mode waits before each step until the person has
// read what it is for. What runs already goes on meanwhile.
type gate struct {
	mu      sync.Mutex
	learn   bool
	shut    bool // asked to stop: nobody passes any more
	waiting map[string]chan error
	tell    func(step string) // a step has come to the gate
}

// typeWaiting is an event of our own: a step waits at the gate.
const typeWaiting engine.Type = "waiting"

// before is RunOptions.Before.
func (g *gate) before(ctx context.Context, info engine.Info) error {
	g.mu.Lock()
	switch {
	case g.shut:
		g.mu.Unlock()
		return engine.ErrStopped
	case !g.learn:
		g.mu.Unlock()
		return nil
	}
	pass := make(chan error, 1)
	g.waiting[info.ID] = pass
	g.mu.Unlock()
	g.tell(info.ID)
	select {
	case err := <-pass:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass lets a step begin.
func (g *gate) pass(step string) { g.release(nil, step) }

// teach says whether steps wait; those that do begin when it says no.
func (g *gate) teach(learn bool) {
	g.mu.Lock()
	g.learn = learn
	g.mu.Unlock()
	if !learn {
		g.release(nil)
	}
}

// close sends all who wait away: the run was asked to stop.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	g.release(engine.ErrStopped)
}

// release answers these steps, or all that wait.
func (g *gate) release(answer error, steps ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if steps == nil {
		for step := range g.waiting {
			steps = append(steps, step)
		}
	}
	for _, step := range steps {
		if pass, ok := g.waiting[step]; ok {
			pass <- answer
			delete(g.waiting, step)
		}
	}
}
