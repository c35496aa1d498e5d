package steps_test

import (
	"testing"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/steps"
)

// From an empty project to the proof; then once more, to find nothing to do.
func TestFlow(t *testing.T) {
	s := newSetup(t, nil)
	defer s.logs(t)
	sum := s.mustApply(t, "")
	t.Logf("all of it took %.1f s", sum.Seconds)
	got := s.verdicts()
	for _, want := range []struct{ name, actual, reason string }{
		{steps.CaseUnsignedPublic, steps.Denied, steps.ReasonNoPolicy},
		{steps.CaseUnsignedPrivate, steps.Denied, steps.ReasonUnsigned},
		{steps.CaseWrongKey, steps.Denied, steps.ReasonWrongKey},
		{steps.CaseSigned, steps.Admitted, steps.ReasonSigned},
	} {
		if v := got[want.name]; !v.OK || v.Actual != want.actual || v.Reason != want.reason {
			t.Errorf("%s: %+v, want it %s because %s", want.name, v, want.actual, want.reason)
		}
	}
	changes := s.changes()
	plan, sum, err := s.apply(t, "", engine.Options{})
	if err != nil {
		t.Fatal(explained(err))
	}
	for _, p := range plan.Steps {
		if p.Change.Action != engine.None && p.Change.Action != engine.Reuse {
			t.Errorf("a second apply would %s %s: %s %v", p.Change.Action, p.ID, p.Change.Summary, p.Change.Before)
		}
	}
	if n := s.changes() - changes; n != 0 || sum.Reused != len(plan.Steps) {
		t.Errorf("a second apply made %d changing calls; %+v", n, sum)
	}
	t.Logf("the second took %.2f s", sum.Seconds)
}
