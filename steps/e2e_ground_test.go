package steps_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

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

// waitAtMost bounds what a test waits for. It ends what hangs; no figure is taken from it.
const waitAtMost = 5 * time.Minute

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
	if testing.Short() {
		t.Skip("it takes a cluster: make test")
	}
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
	return steps.Options{OutDir: folder, Chart: kube.Chart{Repo: c.URL, Name: c.Name, Version: c.Version, Digest: c.Digest}}
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
		return change, problem.Drift(id, change.Summary, change.Before, change.After)
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
	err := gcp.Retry{For: waitAtMost, When: func(err error) bool { return errors.Is(err, notYet) }}.Do(t.Context(), func(ctx context.Context) error {
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

// kube is the cluster's API, as the owner has it.
func (s *setup) kube(t *testing.T) *kube.Cluster {
	t.Helper()
	n := steps.NamesOf(s.answers)
	c, err := s.clients.GKE.GetCluster(t.Context(), &containerpb.GetClusterRequest{Name: n.Cluster()})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := base64.StdEncoding.DecodeString(c.GetMasterAuth().GetClusterCaCertificate())
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.Dial(kube.Options{Host: c.GetEndpoint(), CA: ca, Transport: s.clients.Network.Transport(), Tokens: s.clients.Tokens})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pin is a value that the setup has resolved.
func (s *setup) pin(key string) string { return s.store.Record().Pins[key] }

// audited is one line of the API server's audit log.
type audited struct {
	Verb, RequestURI         string
	RequestReceivedTimestamp time.Time
	User                     struct{ Username string }
	ObjectRef                struct{ Resource, Namespace, Name string }
	ResponseStatus           struct {
		Code    int
		Message string
	}
}

// auditPath is where the one cluster's API server writes down what is asked of it.
func (s *setup) auditPath(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Status().Dir, "gke", "clusters", "*", "audit.log"))
	if err != nil || len(files) != 1 {
		t.Fatalf("audit logs: %v %v", files, err)
	}
	return files[0]
}

// audit reads what the API server wrote down since a moment.
func (s *setup) audit(t *testing.T, since time.Time) []audited {
	t.Helper()
	data, err := os.ReadFile(s.auditPath(t))
	if err != nil {
		t.Fatal(err)
	}
	var all []audited
	for line := range bytes.Lines(data) {
		var a audited
		if json.Unmarshal(line, &a) == nil && !a.RequestReceivedTimestamp.Before(since) { // the last line may be half written
			all = append(all, a)
		}
	}
	return all
}

// checkVerdicts holds the verdicts against the audit log: the last live creation of
// each deployment ended as its verdict says, in the same words.
func (s *setup) checkVerdicts(t *testing.T, verdicts map[string]engine.Verdict, since time.Time) {
	t.Helper()
	n := steps.NamesOf(s.answers)
	app := filepath.Base(n.ImageName())
	for _, name := range engine.Cases() {
		v, ok := verdicts[name]
		if !ok {
			t.Errorf("no verdict on %s", name)
			continue
		}
		deploy := app + "-" + name
		if name == engine.CaseSigned {
			deploy = "" // it runs already: a dry run, which has no name, tells
		}
		until(t, "the audit log tells of "+name, func(context.Context) (bool, error) {
			for _, a := range slices.Backward(s.audit(t, since)) {
				if a.Verb != "create" || a.ObjectRef.Resource != "deployments" || a.ObjectRef.Namespace != s.answers.Namespace || a.User.Username != iam.Owner {
					continue
				}
				dry := strings.Contains(a.RequestURI, "dryRun=All")
				switch denied := a.ResponseStatus.Code >= 400; {
				case deploy != "" && (dry || a.ObjectRef.Name != deploy), deploy == "" && !dry && a.ObjectRef.Name != app:
				case deploy != "":
					if denied != (v.Actual == engine.Denied) || denied && a.ResponseStatus.Message != v.Message {
						t.Errorf("%s: the verdict is %s (%q), the API server answered %d %q", name, v.Actual, v.Message, a.ResponseStatus.Code, a.ResponseStatus.Message)
					}
					return true, nil
				case denied == (v.Actual == engine.Denied) && (!denied || a.ResponseStatus.Message == v.Message):
					return true, nil
				}
			}
			return false, nil
		})
	}
}
