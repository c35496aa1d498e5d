package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/signgate/signgate/sandbox"
)

// left is the folder of a sandbox that was killed, and its lock.
func left(t *testing.T) (dir string, lock *flock.Flock) {
	t.Helper()
	dir = t.TempDir()
	control := filepath.Join(dir, "control.sock")
	put(t, filepath.Join(dir, "sandbox.json"), `{"pid":1,"control":"`+control+`"}`)
	put(t, filepath.Join(dir, "lock"), "")
	lock = flock.New(filepath.Join(dir, "lock"))
	t.Cleanup(func() { lock.Close() })
	return dir, lock
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func hold(t *testing.T, take func() (bool, error)) {
	t.Helper()
	if ok, err := take(); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// Asking whether a sandbox is there hinders nobody: neither another who asks, nor one who starts or clears up.
func TestAskedMeanwhile(t *testing.T) {
	dir, lock := left(t)
	hold(t, lock.TryRLock) // as one who asks
	if _, err := sandbox.Find(t.Context(), dir); !errors.Is(err, sandbox.ErrKilled) {
		t.Errorf("two who ask: %v", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { lock.Unlock() })
	if err := sandbox.Sweep(t.Context(), dir); err != nil {
		t.Errorf("one who clears up: %v", err)
	}
}

// One that another process ends or starts is neither up nor down, and waited for until it is.
func TestBetween(t *testing.T) {
	for _, going := range []string{"up", "down"} {
		dir, lock := left(t)
		hold(t, lock.TryLock)
		put(t, lock.Path(), "123 "+going+"\n")
		_, err := sandbox.Find(t.Context(), dir)
		var between *sandbox.BetweenError
		if !errors.As(err, &between) || between.PID != 123 || between.Ends != (going == "down") {
			t.Errorf("going %s: %v", going, err)
		}
		if err := sandbox.Sweep(t.Context(), dir); !errors.Is(err, sandbox.ErrInUse) {
			t.Errorf("clearing up after it: %v", err)
		}
		time.AfterFunc(100*time.Millisecond, func() { lock.Unlock() })
		if _, err := sandbox.Await(t.Context(), dir); !errors.Is(err, sandbox.ErrKilled) {
			t.Errorf("waited for: %v", err)
		}
	}
}

// A reset that is cut off anywhere leaves a folder that is known as a sandbox's, and locked till its end: the
// lock is there as long as anything is.
func TestResetCutOff(t *testing.T) {
	dir, lock := left(t)
	for i := range 100 {
		inner := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(inner, "state"), "")
	}
	ended := make(chan error, 1)
	go func() { ended <- sandbox.Reset(t.Context(), dir) }()
	for {
		select {
		case err := <-ended:
			if _, there := os.Stat(dir); err != nil || !errors.Is(there, fs.ErrNotExist) {
				t.Errorf("reset: %v, %v", err, there)
			}
			return
		default:
		}
		if _, err := os.Stat(lock.Path()); err == nil {
			continue
		}
		if rest, _ := os.ReadDir(dir); len(rest) > 0 {
			t.Fatalf("the lock went before %d others", len(rest))
		}
	}
}
