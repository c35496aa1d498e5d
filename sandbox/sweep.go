package sandbox

import (
	"context"
	"fmt"
	"time"
)

const (
	sweepGrace = 5 * time.Second // for processes to see that the sandbox has gone
	sweepEvery = 50 * time.Millisecond
)

// sweep clears up after a sandbox that was killed: the caller holds the folder's
// lock, so it is gone. Its clusters end by themselves when their input ends; what is
// still there after a while is ended, and only what is of that run.
func (p place) sweep(ctx context.Context) error {
	st, ok, err := p.recorded()
	if err != nil {
		return fmt.Errorf("look for what an earlier sandbox left: %w", err)
	}
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*sweepGrace)
	defer cancel()
	killAfter := time.Now().Add(sweepGrace)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for left := p.leftovers(st); len(left) > 0; left = p.leftovers(st) {
		if time.Now().After(killAfter) {
			for _, pid := range left {
				p.end(pid, st)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes of an earlier sandbox do not end: %v", left)
		case <-tick.C:
		}
	}
	return p.forget(st.Control)
}
