//go:build !linux

package sandbox

import (
	"context"
	"os"
	"syscall"
	"time"
)

// leftovers are none: this system does not show enough of processes to tell whose
// they are, and nothing is ended that could be somebody else's. Clusters end when
// their input does.
func (p place) leftovers(Status) []int { return nil }

func (p place) end(int, Status) {}

// watch waits until no process has the number, or the lock is no longer that one's: the number of a
// process that has ended stays until who started it looks, and that may be a program that never does.
func (p place) watch(pid int) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if one, err := os.FindProcess(pid); err != nil || one.Signal(syscall.Signal(0)) != nil {
				return nil
			}
			if free, err := p.free(); err == nil && free {
				return nil
			}
			if holder, _ := p.said(); holder != 0 && holder != pid {
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}
