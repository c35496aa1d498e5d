package state_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signgate/signgate/state"
)

func newStore(t *testing.T) (dir string, s *state.Store) {
	t.Helper()
	dir = t.TempDir()
	s, err := state.Create(dir, "demo", state.World{Kind: "sandbox", ProjectNumber: "42"}, state.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return dir, s
}

func TestUpdateIsOnDiskWhenItReturns(t *testing.T) {
	dir, s := newStore(t)
	if err := s.Update(func(r *state.Record) error {
		r.Pins = map[string]string{"digest": "sha256:1"}
		r.Entries = append(r.Entries, state.Entry{Resource: state.Resource{Kind: "k", Name: "<n>&"}, Step: "key", Phase: state.Intended})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got, err := state.Read(dir, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if got.Pins["digest"] != "sha256:1" || len(got.Entries) != 1 || got.Entries[0].Name != "<n>&" || got.Serial != 2 {
		t.Errorf("read back %+v", got)
	}
	info, err := os.Stat(filepath.Join(s.Folder(), "record.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	dir, s := newStore(t)
	boom := errors.New("boom")
	err := s.Update(func(r *state.Record) error { r.Answers.Project = "other"; return boom })
	if !errors.Is(err, boom) || s.Record().Answers.Project != "" {
		t.Errorf("err %v, project %q", err, s.Record().Answers.Project)
	}
	if got, _ := state.Read(dir, "demo"); got.Serial != 1 {
		t.Errorf("serial %d, want 1", got.Serial)
	}
}

func TestOnlyOneAtATime(t *testing.T) {
	dir, s := newStore(t)
	var locked *state.LockedError
	if _, err := state.Open(dir, "demo"); !errors.As(err, &locked) || locked.PID != os.Getpid() || time.Since(locked.Since) > time.Hour {
		t.Fatalf("second open: %v, want a LockedError of this process, since just now", err)
	}
	s.Close()
	again, err := state.Open(dir, "demo")
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := state.Open(dir, "nothing"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("open of nothing: %v", err)
	}
	if _, err := os.Stat(state.Folder(dir, "nothing")); err == nil {
		t.Error("looking for a setup made its folder")
	}
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	dir, s := newStore(t)
	left, theirs := filepath.Join(s.Folder(), ".record.json123456"), filepath.Join(s.Folder(), ".notes")
	for _, path := range []string{left, theirs} {
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	again, err := state.Open(dir, "demo")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := os.Stat(left); err == nil {
		t.Error("the half-written file is still there")
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Error("somebody's file is gone")
	}
}

func TestHeldNamesTheProcess(t *testing.T) {
	dir, s := newStore(t)
	if pid, held := state.Held(dir, "demo"); !held || pid != os.Getpid() {
		t.Errorf("%d %v, want this process", pid, held)
	}
	s.Close()
	if _, held := state.Held(dir, "demo"); held {
		t.Error("held by nobody")
	}
}

func TestBindRefusesAnotherWorld(t *testing.T) {
	_, s := newStore(t)
	for _, w := range []state.World{{Kind: "google", ProjectNumber: "42"}, {Kind: "sandbox", ProjectNumber: "43"}} {
		var world *state.WorldError
		if err := s.Bind(w); !errors.As(err, &world) {
			t.Errorf("bind to %v: %v, want a WorldError", w, err)
		}
	}
	if err := s.Bind(state.World{Kind: "sandbox", ProjectNumber: "42"}); err != nil {
		t.Error(err)
	}
}

func TestNewerFormatIsRefusedAndKept(t *testing.T) {
	dir, s := newStore(t)
	path := filepath.Join(s.Folder(), "record.json")
	newer := []byte(`{"version":2,"shape":"unknown"}`)
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	var e *state.NewerError
	if _, err := state.Read(dir, "demo"); !errors.As(err, &e) || e.Version != 2 {
		t.Errorf("got %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != string(newer) {
		t.Error("the file was touched")
	}
}

// Law: a record with any one bit flipped, or cut anywhere, is reported, never half-read, and
// left as it is, also by who would work on it.
func TestAnyDamageIsNoticed(t *testing.T) {
	dir, s := newStore(t)
	s.Update(func(r *state.Record) error {
		r.Entries = append(r.Entries, state.Entry{Resource: state.Resource{Kind: "kms.keyRing", Name: "projects/p"}, Facts: map[string]string{"a": "b"}})
		return nil
	})
	path := filepath.Join(s.Folder(), "record.json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, at int, data []byte) {
		os.WriteFile(path, data, 0o600)
		if _, err := state.Read(dir, "demo"); err == nil {
			t.Fatalf("%s at byte %d was not noticed", what, at)
		}
		if at%16 > 0 {
			return
		}
		if again, err := state.Open(dir, "demo"); err == nil {
			again.Close()
			t.Fatalf("%s at byte %d was opened", what, at)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, data) {
			t.Fatalf("%s at byte %d: the file was touched", what, at)
		}
	}
	s.Close()
	for i := range whole {
		check("a cut", i, whole[:i])
		for bit := range 8 {
			bad := append([]byte(nil), whole...)
			bad[i] ^= 1 << bit
			check("a flipped bit", i, bad)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version":1,"sha256":"","record":{}}`))
	dir := f.TempDir()
	if err := os.MkdirAll(state.Folder(dir, "x"), 0o700); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(state.Folder(dir, "x"), "record.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		os.WriteFile(path, data, 0o600)
		_, err := state.Read(dir, "x")
		var corrupt *state.CorruptError
		var newer *state.NewerError
		if err != nil && !errors.As(err, &corrupt) && !errors.As(err, &newer) {
			t.Fatalf("untyped error %v", err)
		}
	})
}
