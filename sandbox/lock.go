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

// How often, and how many times, a lock is tried that nobody keeps.
const (
	holdEvery = 20 * time.Millisecond
	holdTries = 100
)

// hold takes the folder's lock, which the kernel frees for a process that died. Whoever asks
// if it is free has a share of it for a moment and is waited out; one who keeps it is ErrInUse.
func (p place) hold(ctx context.Context) (*flock.Flock, error) {
	for range holdTries {
		lock := flock.New(p.lockFile(), flock.SetPermissions(0o600))
		switch ok, err := lock.TryLock(); {
		case err != nil:
			return nil, fmt.Errorf("lock the sandbox's folder: %w", err)
		case ok:
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
