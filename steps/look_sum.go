package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// WithPlan adds what a plan knows and the findings do not, so that the two never
// contradict each other: a step of which all resources look right, and which still has something to do.
func WithPlan(all []engine.Finding, plan engine.Plan) []engine.Finding {
	for _, p := range plan.Steps {
		if p.Change.Action == engine.None || p.Change.Action == engine.Reuse {
			continue
		}
		told := slices.ContainsFunc(all, func(f engine.Finding) bool { return f.Step == p.ID && f.State != engine.AsWanted })
		if told || waits(p, plan, all) {
			continue
		}
		f := engine.Finding{Step: p.ID, Resource: state.Resource{Kind: "step", Name: p.ID}, Title: p.Title, State: engine.Changed,
			Wanted: strings.Join(p.Change.After, ", "), Real: strings.Join(p.Change.Before, ", "), Repair: repairMissing}
		switch {
		case p.Change.Action == engine.Create:
			f.State, f.Real = engine.NotYet, p.Change.Summary
		case p.Change.Problem != nil:
			f.Real, f.Repair = p.Change.Problem.What, "signgate explain "+p.Change.Problem.ID
		case p.Change.Drift:
			f.Repair = repairChanged(p.ID)
		}
		all = append(all, f)
	}
	return all
}

// waits says whether a step has something to do only because one that it needs has:
// then it could not even be looked at, or will be looked at again.
func waits(p engine.Planned, plan engine.Plan, all []engine.Finding) bool {
	for _, need := range plan.Steps {
		if !slices.Contains(p.Needs, need.ID) || need.Change.Action == engine.None || need.Change.Action == engine.Reuse {
			continue
		}
		if slices.ContainsFunc(all, func(f engine.Finding) bool { return f.Step == need.ID && f.State != engine.AsWanted }) {
			return true
		}
	}
	return false
}

// GateOf is what the findings mean for the gate of a setup.
func GateOf(rec state.Record, all []engine.Finding) engine.Gate {
	closed := slices.ContainsFunc(rec.Entries, func(e state.Entry) bool {
		return e.Kind == "kubernetes.label" && onRecord(e)
	})
	if !closed {
		return engine.Gate{State: engine.GateAbsent, Means: "there is no gate yet: " + repairMissing + " has not come that far"}
	}
	return engine.Judge(all, fmt.Sprintf("only images signed by key %q run in namespace %q", rec.Answers.Key, rec.Answers.Namespace))
}

// RotationOf says where a rotation of the key stands, "" if there is none.
func RotationOf(rec state.Record) string {
	one, other := rec.Pins[PinKeyVersion], rec.Pins[PinOtherVersion]
	switch {
	case other == "":
		return ""
	case older(one, other):
		return fmt.Sprintf("to version %s of the key, begun; images are still signed by version %s, and both are to be accepted; signgate rotate goes on", other, one)
	}
	return fmt.Sprintf("to version %s of the key; version %s is accepted as well until signgate rotate --finish", one, other)
}
