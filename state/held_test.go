package state_test

import (
	"os"
	"testing"

	"github.com/signgate/signgate/state"
)

func TestHeld(t *testing.T) {
	dir := t.TempDir()
	if _, held := state.Held(dir, "demo"); held {
		t.Error("a setup that is not there is held")
	}
	s, err := state.Create(dir, "demo", state.World{Kind: "sandbox"}, state.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	if pid, held := state.Held(dir, "demo"); !held || pid != os.Getpid() {
		t.Errorf("held %v by %d, want by %d", held, pid, os.Getpid())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, held := state.Held(dir, "demo"); held {
		t.Error("held after it was let go")
	}
	s, err = state.Open(dir, "demo") // looking has kept nobody out
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
