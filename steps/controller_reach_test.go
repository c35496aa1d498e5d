package steps

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// TestAsk: steps that ask for the cluster while it is asked for share one answer, unless the
// one who asked was told to stop.
func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name  string
		stop  bool
		calls int
	}{
		{"shared", false, 1},
		{"the first is told to stop", true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r reached
				want := &containerpb.Cluster{Name: "c"}
				answer := make(chan struct{})
				calls := 0
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				var first error
				var all sync.WaitGroup
				all.Go(func() {
					_, first = r.ask(ctx, func() (*containerpb.Cluster, error) {
						calls++
						select {
						case <-answer:
							return want, nil
						case <-ctx.Done():
							return nil, ctx.Err()
						}
					})
				})
				synctest.Wait()
				var got *containerpb.Cluster
				var err error
				all.Go(func() {
					got, err = r.ask(t.Context(), func() (*containerpb.Cluster, error) {
						calls++
						return want, nil
					})
				})
				synctest.Wait() // it waits for the first's answer
				if c.stop {
					stop()
				} else {
					close(answer)
				}
				all.Wait()
				if got != want || err != nil {
					t.Errorf("the second got %v, %v", got, err)
				}
				if c.stop != errors.Is(first, context.Canceled) {
					t.Errorf("the first got %v", first)
				}
				if calls != c.calls {
					t.Errorf("%d calls, want %d", calls, c.calls)
				}
			})
		})
	}
}
