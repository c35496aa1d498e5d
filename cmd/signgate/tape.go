package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// A tape is what a run reports, kept in the setup's folder (events.jsonl, 0600), so
// that it can be watched from another terminal. It begins with the plan, holds one
// event a line as --output json prints them, and is replaced whole by the next run.
type tape struct {
	file *os.File
	kept map[string]kept // progress, by step
}

// kept is the last progress of a step that went onto the tape.
type kept struct {
	stage string
	at    time.Time
}

// everySo is how often the progress of a step is worth a line, while its stage stays the same.
const everySo = 200 * time.Millisecond

func newTape(folder string, first engine.Event) (*tape, error) {
	path := filepath.Join(folder, state.EventsFile)
	line, err := json.Marshal(first)
	if err != nil {
		return nil, err
	}
	if err := renameio.WriteFile(path, append(line, '\n'), 0o600, renameio.WithTempDir(folder)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &tape{file: f, kept: map[string]kept{}}, nil
}

// keep writes an event down. Of progress, which may come very fast, some is left out;
// calls are the wizard's own.
func (t *tape) keep(ev engine.Event) {
	if ev.Type == engine.TypeCall {
		return
	}
	if ev.Type == engine.TypeProgress && ev.Progress != nil {
		last := t.kept[ev.Step]
		if last.stage == ev.Progress.Stage && time.Since(last.at) < everySo {
			return
		}
		t.kept[ev.Step] = kept{ev.Progress.Stage, time.Now()}
	}
	if line, err := json.Marshal(ev); err == nil {
		_, _ = t.file.Write(append(line, '\n')) // a full disk keeps others from watching, and nobody from running
	}
}

// tapedRemoval says whether the last run of the setup in this folder was its removal: the
// first event of a tape tells.
func tapedRemoval(folder string) bool {
	f, err := os.Open(filepath.Join(folder, state.EventsFile))
	if err != nil {
		return false
	}
	defer f.Close()
	var first engine.Event
	err = json.NewDecoder(io.LimitReader(f, 1<<20)).Decode(&first)
	return err == nil && first.Type == engine.TypePlan && first.Text == removal
}

// removal is the text of a removal's plan.
const removal = "destroy"

// taped has what a run reports go onto a tape too, until end is called. Where there
// can be no tape the run goes on without, and an earlier one is not to be taken for its own.
func (s *session) taped(plan engine.Plan, text string, emit func(engine.Event)) (both func(engine.Event), end func()) {
	t, err := newTape(s.store.Folder(), engine.Event{Time: time.Now(), Type: engine.TypePlan, Text: text, Plan: &plan})
	if err != nil {
		_ = os.Remove(filepath.Join(s.store.Folder(), state.EventsFile))
		return emit, func() {}
	}
	return func(ev engine.Event) {
		ev.Problem = s.app.hereToo(ev.Problem, s.Name())
		t.keep(ev)
		emit(ev)
	}, func() { t.file.Close() }
}

// infos are the steps as a plan that has looked at nothing.
func infos(all []engine.Step) engine.Plan {
	var p engine.Plan
	for _, one := range all {
		p.Steps = append(p.Steps, engine.Planned{Info: one.Info(), Change: engine.Change{Action: engine.None, Summary: one.Info().Title}})
	}
	return p
}
