package steps_test

import (
	"testing"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/steps"
)

// One cluster for all that needs one: from an empty project to the proof, again, without
// each grant, everything that can be done to a gate, and back to an empty project.
func TestCluster(t *testing.T) {
	t.Parallel()
	s := newSetup(t, nil)
	defer s.logs(t)
	start := time.Now()
	sum := s.mustApply(t, "")
	t.Logf("all of it took %.1f s", sum.Seconds)
	verdicts := s.verdicts()
	for _, want := range []struct{ name, actual, reason string }{
		{engine.CaseUnsignedPublic, engine.Denied, steps.ReasonNoPolicy},
		{engine.CaseUnsignedPrivate, engine.Denied, steps.ReasonUnsigned},
		{engine.CaseWrongKey, engine.Denied, steps.ReasonWrongKey},
		{engine.CaseSigned, engine.Admitted, steps.ReasonSigned},
	} {
		if v := verdicts[want.name]; !v.OK || v.Actual != want.actual || v.Reason != want.reason {
			t.Errorf("%s: %+v, want it %s because %s", want.name, v, want.actual, want.reason)
		}
	}
	s.checkVerdicts(t, verdicts, start)
	t.Run("again", s.again)
	t.Run("least", s.least)
	t.Run("sabotage", s.sabotage)
	t.Run("try", s.try)
	t.Run("preview", s.preview)
	t.Run("pending", s.pending)
	t.Run("scope", s.scope)
	t.Run("destroy", s.destroy)
}

// again finds nothing to do.
func (s *setup) again(t *testing.T) {
	calls := s.changes()
	plan, sum, err := s.apply(t, "", engine.Options{})
	if err != nil {
		t.Fatal(explained(err))
	}
	for _, p := range plan.Steps {
		if p.Change.Action != engine.None && p.Change.Action != engine.Reuse {
			t.Errorf("a second apply would %s %s: %s %v", p.Change.Action, p.ID, p.Change.Summary, p.Change.Before)
		}
	}
	if n := s.changes() - calls; n != 0 || sum.Reused != len(plan.Steps) {
		t.Errorf("a second apply made %d changing calls; %+v", n, sum)
	}
}

// destroy leaves nothing that the steps in the cluster made, and then no cluster.
func (s *setup) destroy(t *testing.T) {
	e, err := engine.New(s.store, s.list)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := e.Destroy(t.Context(), s.emit)
	if err != nil {
		t.Fatalf("destroy: %s", explained(err))
	}
	t.Logf("destroyed in %.1f s", sum.Seconds)
	if clusters := s.Status().Clusters; len(clusters) != 0 {
		t.Errorf("clusters left: %v", clusters)
	}
}
