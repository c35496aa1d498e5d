package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

func (p place) lockFile() string { return filepath.Join(p.dir, "lock") }

// What a holder of the lock writes into it: its process, or 0 if that lives on, and where it is going.
const (
	goingUp   = "up"
	goingDown = "down" // or it clears up, after which no sandbox is there
)

// say writes who has the lock and what for. It only names what Find sees: no harm if it fails.
func (p place) say(pid int, going string) {
	_ = os.WriteFile(p.lockFile(), fmt.Appendf(nil, "%d %s\n", pid, going), 0o600)
}

// said reads that. What is being written just now is unknown: 0 and "".
func (p place) said() (pid int, going string) {
	text, _ := os.ReadFile(p.lockFile())
	_, _ = fmt.Sscan(string(text), &pid, &going)
	return pid, going
}

// How often, and how many times, a lock is tried that nobody keeps.
const (
	holdEvery = 20 * time.Millisecond
	holdTries = 100
)

// hold takes the folder's lock, which the kernel frees for a process that died. Whoever asks
// if it is free has a share of it for a moment and is waited out; one who keeps it is ErrInUse.
// A reset removes the file at last: then whoever had it open tries again.
func (p place) hold(ctx context.Context) (*flock.Flock, error) {
	for range holdTries {
		lock := flock.New(p.lockFile(), flock.SetPermissions(0o600))
		switch ok, err := lock.TryLock(); {
		case err != nil:
			return nil, fmt.Errorf("lock the sandbox's folder: %w", err)
		case ok && p.is(lock):
			return lock, nil
		}
		lock.Close()
		if free, err := p.free(); err != nil || !free {
			return nil, errors.Join(err, ErrInUse)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(holdEvery):
		}
	}
	return nil, ErrInUse
}

// is says that a lock is that of the folder, whose file is still there.
func (p place) is(lock *flock.Flock) bool {
	mine, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(p.lockFile())
	return err == nil && os.SameFile(mine, there)
}

// free says that no process serves the folder. It shares the lock, so that those who ask do not
// take one another for one that serves.
func (p place) free() (bool, error) {
	lock := flock.New(p.lockFile(), flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if ok {
		err = lock.Close()
	} else {
		lock.Close()
	}
	return ok, err
}

// BetweenError says that a sandbox is neither up nor down: it starts or ends, or is cleared up after.
type BetweenError struct {
	place
	PID  int  // its process; 0 if unknown
	Ends bool // else it starts
	err  error
}

func (e *BetweenError) Error() string {
	text := "the sandbox is coming up"
	if e.Ends {
		text = "the sandbox is going down"
	}
	if e.PID != 0 {
		text += fmt.Sprintf(" (process %d)", e.PID)
	}
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

func (e *BetweenError) Unwrap() error { return e.err }

// between is nil where nobody has the lock. cause is why the sandbox could not be asked.
func (p place) between(cause error) error {
	if free, err := p.free(); err != nil || free {
		return nil
	}
	pid, going := p.said()
	return &BetweenError{place: p, PID: pid, Ends: going == goingDown, err: cause}
}

// Gone waits until one that ends has ended, and its process with it.
func (e *BetweenError) Gone(ctx context.Context) error {
	if e.PID != 0 {
		return e.watch(e.PID)(ctx)
	}
	for {
		if free, err := e.free(); err != nil || free {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(holdEvery):
		}
	}
}

// betweenAtMost is how long a sandbox may take to start or to end, with many clusters and on a busy machine.
const betweenAtMost = time.Minute

// Await is Find, and waits for one that is between up and down until it is either.
func Await(ctx context.Context, dir string) (*Running, error) {
	for end := time.Now().Add(betweenAtMost); ; {
		r, err := Find(ctx, dir)
		if between := (*BetweenError)(nil); !errors.As(err, &between) || time.Now().After(end) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(holdEvery):
		}
	}
}
