package main

import (
	"errors"
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// A wish to stop that comes before the run has begun stops it, and no other after it.
func TestStoppedBeforeItBegins(t *testing.T) {
	store, err := state.Create(t.TempDir(), "demo", state.World{Kind: "sandbox"}, state.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := &session{app: &app{}, site: &site{}, store: store, steps: steps.List(state.Defaults(), &gcp.Clients{}, steps.Options{})}
	s.Stop()
	e, err := s.work()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context(), infos(s.steps), engine.Options{}, func(engine.Event) {}); !errors.Is(err, engine.ErrStopped) {
		t.Errorf("it ran: %v", err)
	}
	if _, err := s.work(); err != nil || s.halt {
		t.Errorf("the next is to stop as well: %v", err)
	}
}
