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

// watch waits until no process has the number.
func watch(pid int) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if p, err := os.FindProcess(pid); err != nil || p.Signal(syscall.Signal(0)) != nil {
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
