package engine_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// noop is a step of no cost: what is left is the engine.
type noop struct{ id, need string }

func (n noop) Info() engine.Info {
	info := engine.Info{ID: n.id, Title: n.id}
	if n.need != "" {
		info.Needs = []string{n.need}
	}
	return info
}
func (noop) Inspect(context.Context, engine.Ledger) (engine.Change, error) {
	return engine.Change{Action: engine.Create}, nil
}
func (noop) Apply(context.Context, engine.Change, engine.Ledger) error { return nil }
func (noop) Undo(context.Context, engine.Ledger) error                 { return nil }
func (noop) Commands() []string                                        { return nil }

// A thousand steps, two events each; the figure to watch is ms per thousand events.
func BenchmarkThousandSteps(b *testing.B) {
	store, err := state.Create(b.TempDir(), "b", state.World{}, state.Answers{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	var steps []engine.Step
	for i := range 1000 {
		s := noop{id: fmt.Sprintf("s%d", i)}
		if i >= 10 {
			s.need = fmt.Sprintf("s%d", i-10)
		}
		steps = append(steps, s)
	}
	e, err := engine.New(store, steps)
	if err != nil {
		b.Fatal(err)
	}
	events := 0
	b.ReportAllocs()
	runs, first := 0, uint64(0)
	for b.Loop() {
		if runs++; runs == 3 { // the first ones fill what is kept
			first = heap()
		}
		plan, err := e.Plan(b.Context(), quiet)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Run(b.Context(), plan, engine.Options{}, func(engine.Event) { events++ }); err != nil {
			b.Fatal(err)
		}
	}
	if runs > 3 {
		b.ReportMetric(float64(int64(heap()-first))/1024, "KiB-grown")
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/(float64(events)/1000), "ms/1000-events")
}

// heap is what is in use once all is collected that can be.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
