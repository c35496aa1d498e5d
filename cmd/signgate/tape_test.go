package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// TestTapeTellsARemoval: what was done last is on the tape, and no run is taken for an earlier one.
func TestTapeTellsARemoval(t *testing.T) {
	root := t.TempDir()
	store, err := state.Create(root, "acme-demo", state.World{Kind: "sandbox"}, state.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s, dir := &session{app: &app{}, store: store}, store.Folder()
	if tapedRemoval(dir) {
		t.Error("without a tape it was removed")
	}
	for _, text := range []string{"", removal, "", removal} {
		_, end := s.taped(engine.Plan{Steps: make([]engine.Planned, 20)}, text, func(engine.Event) {})
		end()
		if got := tapedRemoval(dir); got != (text == removal) {
			t.Errorf("after a run of %q: %v", text, got)
		}
	}
	unlike := engine.Plan{Forecast: &engine.Forecast{Seconds: math.Inf(1)}} // which JSON cannot hold
	_, end := s.taped(unlike, "", func(engine.Event) {})
	end()
	if tapedRemoval(dir) {
		t.Error("a run without a tape is taken for the removal before it")
	}
}

func TestTapeIsFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, state.EventsFile)
	tail := &tail{path: path}
	defer tail.close()
	since := time.Time{}
	expect := func(want ...string) {
		t.Helper()
		events, err := tail.next(since)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ev := range events {
			got = append(got, string(ev.Type)+" "+ev.Step)
		}
		if len(got) != len(want) {
			t.Fatalf("read %q, want %q", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("read %q, want %q", got, want)
			}
		}
	}
	expect() // no tape yet

	one, err := newTape(dir, engine.Event{Type: engine.TypePlan, Plan: &engine.Plan{}})
	if err != nil {
		t.Fatal(err)
	}
	defer one.file.Close()
	if at, err := os.Stat(path); err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", at.Mode(), err)
	}
	one.keep(engine.Event{Type: engine.TypeStep, Step: "key"})
	expect("plan ", "step key")
	expect()
	for i := range 1000 { // all within a moment: one of each stage is kept
		stage := map[bool]string{true: "first", false: "second"}[i < 500]
		one.keep(engine.Event{Type: engine.TypeProgress, Step: "cluster", Progress: &engine.Progress{Stage: stage, Done: int64(i)}})
	}
	if events, _ := tail.next(since); len(events) < 2 || len(events) > 20 {
		t.Errorf("%d of 1000 progress events were kept", len(events))
	}

	if _, err := one.file.WriteString(`{"type":"step","step":"po`); err != nil { // caught in the middle of a line
		t.Fatal(err)
	}
	expect()
	if _, err := one.file.WriteString("licy\"}\n"); err != nil {
		t.Fatal(err)
	}
	expect("step policy")

	two, err := newTape(dir, engine.Event{Type: engine.TypePlan, Step: "again"}) // the next run
	if err != nil {
		t.Fatal(err)
	}
	defer two.file.Close()
	expect("plan again")

	since = time.Now().Add(time.Hour) // taken by another process after that
	three, err := newTape(dir, engine.Event{Type: engine.TypePlan})
	if err != nil {
		t.Fatal(err)
	}
	defer three.file.Close()
	expect()
}
