package steps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
	"github.com/signgate/signgate/steps/steptest"
)

// cloud is a sandbox of its own, and the clients of its owner.
type cloud struct {
	*sandbox.Sandbox
	clients *gcp.Clients
	answers state.Answers
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := &cloud{Sandbox: s, answers: state.Defaults()}
	c.answers.Project = sandbox.Project
	c.clients = c.as(t, iam.Owner)
	return c
}

// as gives clients signed in as somebody.
func (c *cloud) as(t *testing.T, who string) *gcp.Clients {
	t.Helper()
	return c.dial(t, c.Credentials(who))
}

// dial gives clients signed in by a file.
func (c *cloud) dial(t *testing.T, file string) *gcp.Clients {
	t.Helper()
	proxy, err := url.Parse(c.ProxyURL())
	if err != nil {
		t.Fatal(err)
	}
	clients, err := gcp.Dial(t.Context(), gcp.Options{Network: gcp.Network{Proxy: proxy, Roots: c.Roots()}, CredentialsFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	clients.BillTo(c.answers.Project)
	return clients
}

// step is one of the list, for a setup with this folder.
func (c *cloud) step(t *testing.T, id, folder string) engine.Step {
	t.Helper()
	return stepOf(t, steps.List(c.answers, c.clients, steps.Options{OutDir: folder}), id)
}

// stepOf is the step of that id.
func stepOf(t *testing.T, all []engine.Step, id string) engine.Step {
	t.Helper()
	for _, s := range all {
		if s.Info().ID == id {
			return s
		}
	}
	t.Fatalf("no step %s", id)
	return nil
}

// changes counts the calls that have changed something.
func (c *cloud) changes() int {
	n := 0
	for _, call := range c.IAM().Journal().Calls() {
		if call.Changes && call.Code == "OK" {
			n++
		}
	}
	return n
}

// ground has somebody make all that the step needs.
func (c *cloud) ground(t *testing.T, id string) {
	t.Helper()
	if id == "workload" { // of a cluster it needs but the identity pool, which no other makes
		if err := c.IAM().SetIdentityPool(c.answers.Project + ".svc.id.goog"); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	store, err := state.Create(folder, "ground", state.World{Kind: "sandbox"}, c.answers)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	list, err := engine.UpTo(steps.List(c.answers, c.clients, steps.Options{OutDir: store.Folder()}), id)
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list[:len(list)-1], func(s engine.Step) bool { return s.Info().ID == "cluster" })
	e, err := engine.New(store, list)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := e.Plan(t.Context(), func(engine.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context(), plan, engine.Options{}, func(engine.Event) {}); err != nil {
		t.Fatalf("what %s needs: %v", id, err)
	}
}

// lawful is a step as it is held to the law: what Inspect says where another setup has made
// it, and after Undo.
type lawful struct {
	step            string
	foreign, undone engine.Action
	answers         func(*state.Answers)
}

// Every step, by where it is held to the law.
var (
	// A Google Cloud of its own for each world.
	onGoogle = []lawful{
		{step: "project", foreign: engine.Reuse, undone: engine.Create, answers: func(a *state.Answers) {
			a.Project, a.NewProject, a.BillingAccount = "acme-new", true, "billingAccounts/01A2B3-C4D5E6-F7A8B9"
		}},
		{step: "apis", foreign: engine.Reuse, undone: engine.None},    // they stay on
		{step: "keyring", foreign: engine.Reuse, undone: engine.None}, // it stays
		{step: "key", foreign: engine.Blocked, undone: engine.Create}, // what another setup made goes with that one
		{step: "registry", foreign: engine.Blocked, undone: engine.Create},
		{step: "image", foreign: engine.Reuse, undone: engine.Create},
		{step: "signature", foreign: engine.Reuse, undone: engine.Create},
		{step: "identity", foreign: engine.Blocked, undone: engine.Create},
		{step: "workload", foreign: engine.Reuse, undone: engine.Create, answers: func(a *state.Answers) { a.WorkloadIdentity = true }},
	}
	// One Google Cloud, in which clusters come and go.
	ofClusters = []lawful{
		{step: "cluster", foreign: engine.Blocked, undone: engine.Create},
	}
	// One cluster, in which each is made for the next once it has kept the law.
	inACluster = []lawful{
		{step: "controller", foreign: engine.Reuse, undone: engine.Create},
		{step: "policy", foreign: engine.Reuse, undone: engine.Create},
		{step: "enforcement", foreign: engine.Reuse, undone: engine.Create},
		{step: "proof", foreign: engine.Blocked, undone: engine.Create}, // a deployment cannot be two setups'
	}
)

// No step is forgotten, whatever the answers.
func TestLawIsForAll(t *testing.T) {
	var held, all []string
	for _, row := range slices.Concat(onGoogle, ofClusters, inACluster) {
		held = append(held, row.step)
	}
	for _, shape := range []string{state.Zonal, state.Regional, state.Guide, state.Autopilot} {
		for i := range 8 {
			a := state.Defaults()
			a.Shape, a.WorkloadIdentity, a.ExistingCluster, a.NewProject = shape, i&1 > 0, i&2 > 0, i&4 > 0
			for _, s := range steps.List(a, nil, steps.Options{}) {
				all = append(all, s.Info().ID)
			}
		}
	}
	slices.Sort(held)
	slices.Sort(all)
	if held, all = slices.Compact(held), slices.Compact(all); !slices.Equal(held, all) {
		t.Errorf("held to the law are %v, of the steps %v", held, all)
	}
}

func TestLaw(t *testing.T) {
	t.Parallel()
	for _, row := range onGoogle {
		t.Run(row.step, func(t *testing.T) {
			t.Parallel()
			steptest.Law(t, func(t *testing.T) steptest.World {
				c := newCloud(t)
				if row.answers != nil {
					row.answers(&c.answers)
				}
				c.ground(t, row.step)
				return steptest.World{
					Step:    func(folder string) engine.Step { return c.step(t, row.step, folder) },
					Changes: c.changes, Foreign: row.foreign, Undone: row.undone,
				}
			})
		})
	}
}

func TestLawOfClusters(t *testing.T) {
	t.Parallel()
	s := newSetup(t, nil)
	defer s.logs(t)
	for _, row := range ofClusters {
		s.ground(t, row.step)
		t.Run(row.step, func(t *testing.T) {
			steptest.Law(t, func(t *testing.T) steptest.World { return s.world(t, row, s.changes) })
		})
	}
}

func TestLawInACluster(t *testing.T) {
	t.Parallel()
	s := newSetup(t, nil)
	defer s.logs(t)
	for _, id := range []string{"signature", "cluster"} {
		s.mustApply(t, id)
	}
	k, audit := s.kube(t), s.openAudit(t)
	for _, row := range inACluster {
		ok := t.Run(row.step, func(t *testing.T) {
			steptest.Law(t, func(t *testing.T) steptest.World {
				w := s.world(t, row, func() int { return s.changes() + audit.changes(t) })
				w.Rest = func() { rest(t, k) }
				return w
			})
		})
		if !ok {
			return
		}
		s.mustApply(t, row.step)
	}
}

// world is this one, for a step that leaves it as it was.
func (s *setup) world(t *testing.T, row lawful, changes func() int) steptest.World {
	return steptest.World{
		Step: func(folder string) engine.Step {
			return stepOf(t, steps.List(s.answers, s.clients, s.options(folder)), row.step)
		},
		Changes: changes, Pins: s.store.Record().Pins, Foreign: row.foreign, Undone: row.undone, Dear: true,
	}
}

// rest waits for policy-controller's namespace where that is going. Its pods would go on for 45 seconds
// after they are told to end: here they are killed.
func rest(t *testing.T, k *kube.Cluster) {
	t.Helper()
	const namespace = "cosign-system"
	ns, err := k.Core.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && ns.DeletionTimestamp == nil {
		return
	}
	must(t, err)
	pods := k.Core.CoreV1().Pods(namespace)
	until(t, "no pod is left", func(ctx context.Context) (bool, error) {
		all, err := pods.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, p := range all.Items {
			if err := pods.Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(1))}); err != nil && !apierrors.IsNotFound(err) {
				return false, err
			}
		}
		return len(all.Items) == 0, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), waitAtMost) // Kubernetes looks at it after five seconds, and then seldom
	defer cancel()
	must(t, k.AwaitGone(ctx, kube.NamespaceObject(namespace)))
}

// auditLog is the API server's, read as it grows. A write is in it before its answer has come to its end.
type auditLog struct {
	file  *os.File
	begun []byte // a line that is being written
	count int
}

// openAudit opens the log of the one cluster.
func (s *setup) openAudit(t *testing.T) *auditLog {
	t.Helper()
	f, err := os.Open(s.auditPath(t))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return &auditLog{file: f}
}

// changes counts the owner's writes that have changed something.
func (l *auditLog) changes(t *testing.T) int {
	t.Helper()
	more, err := io.ReadAll(l.file)
	must(t, err)
	l.begun = append(l.begun, more...)
	end := bytes.LastIndexByte(l.begun, '\n') + 1
	for line := range bytes.Lines(l.begun[:end]) {
		var a audited
		must(t, json.Unmarshal(line, &a))
		if a.User.Username == iam.Owner && a.ResponseStatus.Code < 400 && !strings.Contains(a.RequestURI, "dryRun=All") {
			l.count++
		}
	}
	l.begun = l.begun[end:]
	return l.count
}
