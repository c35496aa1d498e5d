package engine_test

import (
	"testing"

	"github.com/signgate/signgate/internal/engine"
)

// The worst counts for the gate, with all that is as bad; what cannot be told is worse than what may happen.
func TestJudge(t *testing.T) {
	differs := func(e engine.Effect, because string) engine.Finding {
		return engine.Finding{State: engine.Changed, Effect: e, Because: because}
	}
	dark := engine.Finding{State: engine.CannotTell, Because: "it is dark"}
	for what, c := range map[string]struct {
		findings []engine.Finding
		state    engine.GateState
		means    string
	}{
		"nothing":      {nil, engine.GateHolds, "it holds"},
		"harmless":     {[]engine.Finding{differs(engine.Harmless, "a")}, engine.GateHolds, "it holds"},
		"as wanted":    {[]engine.Finding{{State: engine.AsWanted, Effect: engine.Opens, Because: "a"}}, engine.GateHolds, "it holds"},
		"both risks":   {[]engine.Finding{differs(engine.MayShut, "a"), differs(engine.MayOpen, "b")}, engine.GateAtRisk, "the gate holds for now, but b; a"},
		"in the dark":  {[]engine.Finding{dark, differs(engine.MayOpen, "a")}, engine.GateUnknown, "whether the gate holds cannot be told: it is dark"},
		"shut":         {[]engine.Finding{dark, differs(engine.MayOpen, "a"), differs(engine.Shuts, "b"), differs(engine.Shuts, "c")}, engine.GateShut, "images are now refused because b; c"},
		"open as well": {[]engine.Finding{dark, differs(engine.Shuts, "a"), differs(engine.Opens, "b")}, engine.GateOpen, "the gate is open because b"},
	} {
		if g := engine.Judge(c.findings, "it holds"); g.State != c.state || g.Means != c.means {
			t.Errorf("%s: %s, %s; want %s, %s", what, g.State, g.Means, c.state, c.means)
		}
	}
	if says := differs(engine.MayShut, "a").Sentence(); says != "the gate holds for now, but a" {
		t.Error(says)
	}
	if says := differs(engine.Harmless, "a").Sentence(); says != "nothing changes for the gate: a" {
		t.Error(says)
	}
	if says := dark.Sentence(); says != "" {
		t.Error(says)
	}
}
