package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/signgate/signgate/state"
)

// Whoever removes a setup frees a lock whose file is gone: nobody who waited for it may take
// that for the setup's. cosign.pub keeps the folder, as after a destroy that leaves the key.
func TestRemovedAndMadeAgain(t *testing.T) {
	for _, kept := range []bool{false, true} {
		dir := t.TempDir()
		if kept {
			folder := state.Folder(dir, "demo")
			if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "cosign.pub"), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		var holders, held atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 50 {
					s, err := state.Create(dir, "demo", state.World{Kind: "sandbox"}, state.Defaults())
					if errors.Is(err, state.ErrExists) {
						s, err = state.Open(dir, "demo")
					}
					var locked *state.LockedError
					if errors.As(err, &locked) || errors.Is(err, state.ErrNotFound) {
						continue
					}
					if err != nil {
						t.Errorf("kept %v: %v", kept, err)
						return
					}
					held.Add(1)
					if n := holders.Add(1); n != 1 {
						t.Errorf("kept %v: %d hold it", kept, n)
					}
					if err := s.Update(func(r *state.Record) error { r.Answers.Suffix = "x"; return nil }); err != nil {
						t.Errorf("kept %v: %v", kept, err)
					}
					holders.Add(-1)
					if err := s.Remove(); err != nil {
						t.Errorf("kept %v: %v", kept, err)
					}
				}
			})
		}
		all.Wait()
		if held.Load() == 0 {
			t.Errorf("kept %v: nobody had it", kept)
		}
		if _, err := os.Stat(filepath.Join(state.Folder(dir, "demo"), "lock")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("kept %v: a lock is left: %v", kept, err)
		}
	}
}
