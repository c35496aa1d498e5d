package state

import (
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

// Who only looks at a lock is waited out, and who has it is not.
func TestTakeLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	looks := flock.New(path)
	if err := looks.RLock(); err != nil {
		t.Fatal(err)
	}
	defer looks.Close()
	asked := 0
	held := func(answer bool) func() bool {
		return func() bool { asked++; return answer }
	}
	mine := flock.New(path)
	defer mine.Close()
	if ok, err := takeLock(mine, held(true)); ok || err != nil || asked != 1 {
		t.Errorf("held by another: %v, %v, asked %d times", ok, err, asked)
	}
	if ok, err := takeLock(mine, func() bool { looks.Close(); return false }); !ok || err != nil {
		t.Errorf("looked at by another: %v, %v", ok, err)
	}
}
