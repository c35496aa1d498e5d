package steps_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// patience is that of the tests: nothing here takes longer to settle.
const patience = 20 * time.Second

// setup is one whole setup on a sandbox with a cluster: its record and its steps.
type setup struct {
	*cloud
	store *state.Store
	list  []engine.Step

	mu     sync.Mutex
	events []engine.Event
}

// newSetup starts a sandbox with a cluster's programs, and a record in it. Nothing is made yet.
func newSetup(t *testing.T, change func(*state.Answers)) *setup {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	if missing := sandbox.Missing(bin); len(missing) > 0 {
		t.Skipf("no cluster without %v in bin/: make build", missing)
	}
	box, err := sandbox.Start(t.Context(), sandbox.Options{Bin: bin, Log: testLog{t}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Errorf("close the sandbox: %v", err)
		}
	})
	s := &setup{cloud: &cloud{Sandbox: box, answers: state.Defaults()}}
	s.answers.Project = sandbox.Project
	if change != nil {
		change(&s.answers)
	}
	s.clients = s.as(t, iam.Owner)
	s.store, err = state.Create(t.TempDir(), "first", state.World{Kind: "sandbox"}, s.answers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	s.list = steps.List(s.answers, s.clients, s.options(s.store.Folder()))
	return s
}

// testLog is the sandbox's log, in the test's own.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Logf("sandbox: %s", p)
	}
	return len(p), nil
}

func (s *setup) options(folder string) steps.Options {
	c := s.Status().Chart
	return steps.Options{OutDir: folder, Patience: patience,
		Chart: kube.Chart{Repo: c.URL, Name: c.Name, Version: c.Version, Digest: c.Digest}}
}

func (s *setup) emit(e engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// verdicts are those since the last call, by case.
func (s *setup) verdicts() map[string]engine.Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]engine.Verdict{}
	for _, e := range s.events {
		if e.Type == engine.TypeVerdict {
			all[e.Verdict.Case] = *e.Verdict
		}
	}
	s.events = nil
	return all
}

// apply plans and runs everything up to a step ("" for all), and gives the plan and how it ended.
func (s *setup) apply(t *testing.T, to string, o engine.Options) (engine.Plan, engine.Summary, error) {
	t.Helper()
	list := s.list
	if to != "" {
		var err error
		if list, err = engine.UpTo(list, to); err != nil {
			t.Fatal(err)
		}
	}
	e, err := engine.New(s.store, list)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := e.Plan(t.Context(), s.emit)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := e.Run(t.Context(), plan, o, s.emit)
	return plan, sum, err
}

// mustApply is apply that has to succeed.
func (s *setup) mustApply(t *testing.T, to string) engine.Summary {
	t.Helper()
	start := time.Now()
	_, sum, err := s.apply(t, to, engine.Options{})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Type == engine.TypeStep && e.Status != engine.Started {
			t.Logf("%5.2f s  %-11s %s, took %.2f s", e.Time.Sub(start).Seconds(), e.Step, e.Status, e.Seconds)
		}
		if e.Type == engine.TypeNotice {
			t.Logf("%5.2f s  %-11s %s", e.Time.Sub(start).Seconds(), e.Step, e.Text)
		}
	}
	if err != nil {
		t.Fatalf("apply: %s", explained(err))
	}
	return sum
}

// explained is an error with its words.
func explained(err error) string {
	p := problem.From(err)
	if p == nil {
		return "no error"
	}
	return p.ID + ": " + p.Error()
}

// step runs one step alone, as the engine does, and gives what Inspect said before.
func (s *setup) run(t *testing.T, id string, overwrite bool) (engine.Change, error) {
	t.Helper()
	i := slices.IndexFunc(s.list, func(step engine.Step) bool { return step.Info().ID == id })
	if i < 0 {
		t.Fatalf("no step %s", id)
	}
	l := engine.NewLedger(s.store, id, s.emit)
	change, err := s.list[i].Inspect(t.Context(), l)
	switch {
	case err != nil:
		return change, err
	case change.Action == engine.Blocked:
		return change, change.Problem
	case change.Drift && !overwrite:
		return change, problem.Drift(change.Summary, change.Before, change.After)
	case change.Action == engine.None:
		return change, nil
	}
	return change, s.list[i].Apply(t.Context(), change, l)
}

// mustRun is run that has to succeed, overwriting what was changed by hand.
func (s *setup) mustRun(t *testing.T, id string) engine.Change {
	t.Helper()
	change, err := s.run(t, id, true)
	if err != nil {
		t.Fatalf("%s: %s", id, explained(err))
	}
	return change
}

// until waits for a condition of the world.
func until(t *testing.T, what string, done func(context.Context) (bool, error)) {
	t.Helper()
	notYet := errors.New("not yet")
	err := gcp.Retry{For: 30 * time.Second, When: func(err error) bool { return errors.Is(err, notYet) }}.Do(t.Context(), func(ctx context.Context) error {
		ok, err := done(ctx)
		if err == nil && !ok {
			err = notYet
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// logs shows what the cluster's parts wrote, after a failure.
func (s *setup) logs(t *testing.T) {
	if !t.Failed() {
		return
	}
	err := filepath.WalkDir(s.Status().Dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".log" {
			data, _ := os.ReadFile(path)
			t.Logf("%s:\n%s", path, data[max(0, len(data)-3000):])
		}
		return nil
	})
	if err != nil {
		t.Log(err)
	}
}
