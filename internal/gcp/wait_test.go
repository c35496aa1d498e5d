package gcp

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A thing that takes t is noticed at most a sixteenth of t (or one shortest pause, or five seconds) late.
func TestAwaitIsSeldomLate(t *testing.T) {
	for _, takes := range []time.Duration{0, 30 * time.Millisecond, time.Second, 6 * time.Second, 6 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			start, polls := time.Now(), 0
			err := Await(t.Context(), Wait{For: time.Hour}, func(context.Context) (bool, error) { polls++; return time.Since(start) >= takes, nil })
			late := time.Since(start) - takes
			if err != nil || late > min(max(takes/16, shortestPause), longestPause)+shortestPause {
				t.Errorf("%s was noticed %s late after %d polls: %v", takes, late, polls, err)
			}
			if polls > 160 {
				t.Errorf("%s took %d polls", takes, polls)
			}
		})
	}
}

func TestAwaitBearsThreeLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := status.Error(codes.Unavailable, "connection reset")
		for _, c := range []struct{ lost, calls int }{{3, 4}, {4, 4}} {
			calls := 0
			err := Await(t.Context(), Wait{For: time.Hour}, func(context.Context) (bool, error) {
				if calls++; calls <= c.lost {
					return false, lost
				}
				return true, nil
			})
			if calls != c.calls || (err == nil) != (c.lost == 3) {
				t.Errorf("%d lost answers: %d calls, %v", c.lost, calls, err)
			}
		}
	})
}

// What never ends is not waited for for ever, and meanwhile it is told that it takes long.
func TestAwaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, told := time.Now(), []time.Duration{}
		slow := func(waited time.Duration) { told = append(told, waited.Round(time.Minute)) }
		err := Await(t.Context(), Wait{"version 1", time.Hour, slow}, func(context.Context) (bool, error) { return false, nil })
		var notDone *NotDoneError
		if !errors.As(err, &notDone) || notDone.What != "version 1" || notDone.Waited < time.Hour {
			t.Errorf("it ended with %v", err)
		}
		if took := time.Since(start); took > time.Hour+longestPause {
			t.Errorf("it took %s", took)
		}
		if want := []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute, 40 * time.Minute, 50 * time.Minute}; !slices.Equal(told, want) {
			t.Errorf("told after %v, want %v", told, want)
		}
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		passing, other := errors.New("passes"), errors.New("stays")
		told := 0
		r := Retry{For: time.Minute, When: func(err error) bool { return errors.Is(err, passing) }, Notice: func(error) { told++ }}

		calls := 0
		err := r.Do(t.Context(), func(context.Context) error {
			if calls++; calls < 5 {
				return passing
			}
			return nil
		})
		if err != nil || calls != 5 || told != 1 {
			t.Errorf("passing: %v after %d calls, told %d times", err, calls, told)
		}

		if err := r.Do(t.Context(), func(context.Context) error { return other }); !errors.Is(err, other) {
			t.Errorf("another error came back as %v", err)
		}

		start := time.Now()
		if err := r.Do(t.Context(), func(context.Context) error { return passing }); !errors.Is(err, passing) {
			t.Errorf("for ever: %v", err)
		}
		if waited := time.Since(start); waited < time.Minute || waited > time.Minute+10*time.Second {
			t.Errorf("waited %s with a bound of a minute", waited)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Do(ctx, func(context.Context) error { return passing }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestErrorsAreToldApart(t *testing.T) {
	for _, c := range []struct {
		err                          error
		unseen, busy, conflict, lost bool
	}{
		{err: status.Error(codes.InvalidArgument, "Service account a@b.iam.gserviceaccount.com does not exist."), unseen: true},
		{err: status.Error(codes.InvalidArgument, `Service account "a@b" does not exist.`), unseen: true},
		{err: status.Error(codes.InvalidArgument, `network "default" does not exist.`)},
		{err: status.Error(codes.FailedPrecondition, "Cluster is running incompatible operation operation-1"), busy: true},
		{err: status.Error(codes.FailedPrecondition, "Operation operation-1 is currently creating cluster C. Please wait and try again once it is done."), busy: true},
		{err: status.Error(codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."), conflict: true},
		{err: status.Error(codes.Unavailable, "x"), lost: true},
		{err: errors.New("Another activation or deactivation is in progress")},
	} {
		if Unseen(c.err) != c.unseen || Busy(c.err) != c.busy || Conflict(c.err) != c.conflict || Lost(c.err) != c.lost {
			t.Errorf("%v: unseen %v, busy %v, conflict %v, lost %v", c.err, Unseen(c.err), Busy(c.err), Conflict(c.err), Lost(c.err))
		}
	}
}
