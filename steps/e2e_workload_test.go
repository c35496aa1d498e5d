package steps_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// Pods with identities of their own, from an empty project to the proof and back: the
// controller's rights are its own, on key and repository alone; the nodes' account knows
// nothing of keys; each right is needed.
func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	s := newSetup(t, func(a *state.Answers) { a.WorkloadIdentity = true })
	defer s.logs(t)
	t.Logf("all of it took %.1f s", s.mustApply(t, "").Seconds)
	if v := s.verdicts()[engine.CaseSigned]; !v.OK {
		t.Errorf("the signed image: %+v", v)
	}
	t.Run("again", s.again)
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	b.wantWhole(t)
	p, _ := s.IAM().Project(s.answers.Project)
	member := b.n.ControllerMember(p.Number)
	version := b.n.KeyVersion(b.pin(steps.PinKeyVersion))

	node := iam.Caller{Email: b.n.AccountEmail(), Member: b.n.Member()}
	for _, permission := range []string{"cloudkms.cryptoKeys.get", "cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeyVersions.viewPublicKey", "cloudkms.keyRings.list"} {
		if s.IAM().Holds(node, permission, version) {
			t.Errorf("the nodes' account has %s", permission)
		}
	}
	for _, other := range []string{
		strings.Replace(member, "/sa/", "/sa/not-", 1), strings.Replace(member, "ns/cosign-system", "ns/default", 1),
	} {
		if s.IAM().Holds(iam.Caller{Member: other}, "cloudkms.cryptoKeys.get", b.n.Key()) {
			t.Errorf("%s may look at the key", other)
		}
	}
	if policy, err := b.projectPolicy().get(t.Context()); err != nil || strings.Contains(policy.String(), "workloadIdentityPools") {
		t.Errorf("the controller has a role on the project: %v, %v", policy, err)
	}

	for _, row := range []struct{ role, permission, on string }{
		{"roles/cloudkms.viewer", "cloudkms.cryptoKeys.get", b.n.Key()},
		{"roles/cloudkms.publicKeyViewer", "cloudkms.cryptoKeyVersions.viewPublicKey", version},
	} {
		b.keyPolicy().without(t, member, row.role, func() {
			b.reread(t, "False")
			b.wantKeyless(t, b.keyDenied(row.permission, row.on))
		})
		b.reread(t, "True")
	}
	b.repositoryPolicy().without(t, member, "roles/artifactregistry.reader", func() { b.wantUnread(t) })
	b.wantWhole(t)

	t.Run("nodes' roles", func(t *testing.T) { s.nodesDoNotHelp(t, b, member) })
	t.Run("repair", func(t *testing.T) { s.repairWorkload(t, b, member) })
	t.Run("destroy", s.destroy)
	for _, g := range []guarded{b.keyPolicy(), b.projectPolicy()} {
		if policy, err := g.get(t.Context()); err != nil || strings.Contains(policy.String(), "workloadIdentityPools") || strings.Contains(policy.String(), b.n.AccountEmail()) {
			t.Errorf("destroyed, %s has the policy %v, %v", g.name, policy, err)
		}
	}
}

// nodesDoNotHelp: with the guide's roles for the nodes' account the controller, without
// its own, may still not look at the key.
func (s *setup) nodesDoNotHelp(t *testing.T, b saboteur, member string) {
	policy, err := b.projectPolicy().get(t.Context())
	must(t, err)
	roles := []string{"roles/cloudkms.viewer", "roles/cloudkms.verifier"}
	for _, role := range roles {
		policy.Bindings = append(policy.Bindings, &iampb.Binding{Role: role, Members: []string{b.n.Member()}})
	}
	must(t, b.projectPolicy().set(t.Context(), policy))
	b.keyPolicy().without(t, member, "roles/cloudkms.viewer", func() {
		b.reread(t, "False")
		b.wantKeyless(t, b.keyDenied("cloudkms.cryptoKeys.get", b.n.Key()))
	})
	b.reread(t, "True")
	policy, err = b.projectPolicy().get(t.Context())
	must(t, err)
	revoke(policy, b.n.Member(), roles...)
	must(t, b.projectPolicy().set(t.Context(), policy))
}

// repairWorkload: a right that somebody took away is drift; given again on demand, the proof holds.
func (s *setup) repairWorkload(t *testing.T, b saboteur, member string) {
	policy, err := b.keyPolicy().get(t.Context())
	must(t, err)
	revoke(policy, member, "roles/cloudkms.viewer", "roles/cloudkms.publicKeyViewer")
	must(t, b.keyPolicy().set(t.Context(), policy))
	b.reread(t, "False")
	var told []string
	for _, f := range steps.Look(t.Context(), s.list, func(step string) engine.Ledger { return engine.NewLedger(s.store, step, s.emit) }) {
		if f.Step == "workload" && f.Differs() {
			told = append(told, f.Title+": "+f.Because)
		}
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "roles/cloudkms.viewer of Kubernetes account cosign-system/policy-controller-webhook on "+b.n.Key()+": ") {
		t.Errorf("status tells of the roles %q", told)
	}
	change, err := s.run(t, "workload", false)
	if !change.Drift || explained(err) == "" || !strings.HasPrefix(explained(err), "changed-by-hand") {
		t.Errorf("taken away: %+v, %s; want it told as changed by hand", change, explained(err))
	}
	for _, id := range []string{"workload", "policy", "proof"} {
		s.mustRun(t, id)
	}
	if change, err := s.run(t, "proof", false); err != nil || change.Action != engine.None {
		t.Errorf("after the repair: %s, %v", change.Action, err)
	}
}
