package steps_test

import (
	"testing"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// pending leaves the Helm release as a process does that was killed in the middle of
// an install: this setup takes it up again, another one does not touch it.
func (s *setup) pending(t *testing.T) {
	releases := storage.Init(driver.NewSecrets(s.kube(t).Core.CoreV1().Secrets("cosign-system")))
	status := func() release.Status {
		rel, err := releases.Last("policy-controller")
		must(t, err)
		return rel.Info.Status
	}
	rel, err := releases.Last("policy-controller")
	must(t, err)
	rel.SetStatus(release.StatusPendingInstall, "Initial install underway")
	must(t, releases.Update(rel))

	other, err := state.Create(t.TempDir(), "other", state.World{Kind: "sandbox"}, s.answers)
	must(t, err)
	defer other.Close()
	// A cluster of one setup is no other's: only the release is asked about here.
	step := stepOf(t, steps.List(s.answers, s.clients, s.options(other.Folder())), "controller")
	change, err := step.Inspect(t.Context(), engine.NewLedger(other, "controller", s.emit))
	if err != nil || change.Action != engine.Blocked || change.Problem.ID != "helm-pending" {
		t.Errorf("another setup: %s %v, %v; want it blocked by helm-pending", change.Action, change.Problem, err)
	}
	if now := status(); now != release.StatusPendingInstall {
		t.Errorf("looking made it %s", now)
	}
	if change := s.mustRun(t, "controller"); change.Action != engine.Create {
		t.Errorf("cut off, it is to %s", change.Action)
	}
	if now := status(); now != release.StatusDeployed {
		t.Errorf("taken up again, it is %s", now)
	}
	if change, err := s.run(t, "controller", false); err != nil || change.Action != engine.None {
		t.Errorf("afterwards: %s, %v", change.Action, problem.From(err))
	}
}
