package steps_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// An account that was deleted by hand, more than once, and made anew: undone, none of
// them is left in the project's policy.
func TestRolesOfDeletedAccountsAreTakenBack(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.ground(t, "identity")
	store, err := state.Create(t.TempDir(), "accounts", state.World{Kind: "sandbox"}, c.answers)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	step, l := c.step(t, "identity", store.Folder()), engine.NewLedger(store, "identity", func(engine.Event) {})
	n := steps.NamesOf(c.answers)
	members := func() (all []string) {
		t.Helper()
		p, err := c.clients.Projects.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: n.Project()})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range p.GetBindings() {
			for _, m := range b.GetMembers() {
				if strings.Contains(m, n.AccountEmail()) {
					all = append(all, m)
				}
			}
		}
		return all
	}
	for times := range 3 {
		change, err := step.Inspect(t.Context(), l)
		if err == nil {
			err = step.Apply(t.Context(), change, l)
		}
		if err != nil {
			t.Fatal(err)
		}
		if times < 2 {
			if err := c.clients.IAM.DeleteServiceAccount(t.Context(), &adminpb.DeleteServiceAccountRequest{Name: n.Account()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if all := members(); len(all) != 15 {
		t.Fatalf("%d members, of three accounts: %v", len(all), all)
	}
	if err := step.Undo(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if all := members(); len(all) > 0 {
		t.Errorf("left in the policy: %v", all)
	}
}
