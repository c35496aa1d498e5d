package steps_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
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
	for _, s := range steps.List(c.answers, c.clients, steps.Options{OutDir: folder}) {
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

// Every step on Google's side, held to the law on a Google Cloud of its own.
func TestLaw(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		step            string
		foreign, undone engine.Action
		answers         func(*state.Answers)
	}{
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
	} {
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
