package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// LockedError says that another process works on the setup.
type LockedError struct {
	Name  string
	PID   int       // 0 if unknown
	Since time.Time // zero if unknown
}

func (e *LockedError) Error() string {
	who := ""
	if e.PID != 0 {
		who = fmt.Sprintf(" (process %d)", e.PID)
	}
	text := fmt.Sprintf("another signgate%s works on setup %q", who, e.Name)
	if !e.Since.IsZero() {
		text += " since " + e.Since.Local().Format("15:04:05 on 2 January 2006")
	}
	return text
}

// lock takes a setup's lock, in a folder that is made for it if need be.
func lock(dir, name string) (*Store, error) {
	folder := Folder(dir, name)
	path := lockPath(dir, name)
	l, err := hold(path, func() bool { _, held := Held(dir, name); return held })
	if err != nil {
		return nil, fmt.Errorf("lock setup %q: %w", name, err)
	}
	if l == nil {
		pid, since := holder(path)
		return nil, &LockedError{Name: name, PID: pid, Since: since}
	}
	mine := fmt.Sprintf("%d %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(path, []byte(mine), 0o600); err != nil {
		l.Unlock()
		return nil, fmt.Errorf("lock setup %q: %w", name, err)
	}
	sweep(folder)
	return &Store{folder: folder, lock: l}, nil
}

func lockPath(dir, name string) string { return filepath.Join(Folder(dir, name), "lock") }

// hold takes the lock of a file, nil if another process has it. A file that its holder has
// removed meanwhile, the folder with it, locks nothing: then it is taken anew.
func hold(path string, held func() bool) (*flock.Flock, error) {
	for range 100 {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		l := flock.New(path, flock.SetPermissions(0o600))
		ok, err := takeLock(l, held)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case !ok:
			return nil, nil
		}
		mine, err := l.Stat()
		there, gone := os.Stat(path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return l, nil
		}
		l.Unlock()
	}
	return nil, errors.New("its file is removed again and again")
}

// takeLock takes a lock, which the kernel frees for a process that died. Whoever asks if it is
// held (Held) has it for a moment, on a busy machine for a second or two, and is waited out.
func takeLock(l *flock.Flock, held func() bool) (ok bool, err error) {
	for range 10 {
		moment, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		ok, err = l.TryLockContext(moment, 20*time.Millisecond)
		over := moment.Err() != nil
		cancel()
		if err != nil && !over {
			return false, err
		}
		if ok || held() {
			return ok, nil
		}
	}
	return false, nil
}

// Held says whether another process works on the setup, and which (0 if unknown). It
// has a shared lock for a moment, which Create and Open wait out.
func Held(dir, name string) (pid int, held bool) {
	path := lockPath(dir, name)
	if _, err := os.Stat(path); err != nil {
		return 0, false
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if ok, err := l.TryRLock(); ok || err != nil {
		l.Close()
		return 0, false
	}
	pid, _ = holder(path)
	return pid, true
}

// HeldSince says when the setup was last taken; zero if it never was.
func HeldSince(dir, name string) time.Time {
	at, err := os.Stat(lockPath(dir, name))
	if err != nil {
		return time.Time{}
	}
	return at.ModTime()
}

// holder reads who has a lock and since when; what cannot be read is unknown.
func holder(path string) (pid int, since time.Time) {
	text, _ := os.ReadFile(path) // being written just now
	words := strings.Fields(string(text))
	if len(words) > 0 {
		pid, _ = strconv.Atoi(words[0])
	}
	if len(words) > 1 {
		since, _ = time.Parse(time.RFC3339, words[1])
	}
	return pid, since
}
