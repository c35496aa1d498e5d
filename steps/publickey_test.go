package steps_test

import (
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// Killed after cosign.pub was written and before its receipt: the next run writes the receipt.
func TestPublicKeyWithoutReceipt(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.ground(t, "key")
	store, err := state.Create(t.TempDir(), "mine", state.World{Kind: "sandbox"}, c.answers)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	step := c.step(t, "key", store.Folder())
	l := engine.NewLedger(store, "key", func(engine.Event) {})
	run := func() engine.Change {
		t.Helper()
		change, err := step.Inspect(t.Context(), l)
		if err == nil && change.Action != engine.None {
			err = step.Apply(t.Context(), change, l)
		}
		if err != nil {
			t.Fatal(err)
		}
		return change
	}
	run()
	err = store.Update(func(r *state.Record) error {
		for i := range r.Entries {
			if e := &r.Entries[i]; e.Kind == "file" {
				e.Phase, e.Facts = state.Intended, nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if change := run(); change.Action == engine.None || change.Action == engine.Reuse {
		t.Errorf("a file without its receipt: %s", change.Action)
	}
	if e := l.Entry(state.Resource{Kind: "file", Name: "cosign.pub"}); e.Phase != state.Made || e.Facts["sha256"] == "" {
		t.Errorf("%+v", e)
	}
	if change := run(); change.Action != engine.None {
		t.Errorf("after that: %s", change.Action)
	}
}
