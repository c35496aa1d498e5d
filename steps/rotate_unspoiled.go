package steps

import (
	"context"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// unspoiled is a step of the gate that a rotation leaves as it is, and without which the gate
// refuses nothing, whatever keys it is given. What somebody has done to it is a change by hand
// like any other, seen before anything is made.
type unspoiled struct {
	of   engine.Step
	look func(context.Context, engine.Ledger) (engine.Change, error)
}

// unspoiledSteps are all of them. What a rotation makes or changes first needs them.
func unspoiledSteps(in inside) []engine.Step {
	at, by := enforcement{in}, controller{inside: in}
	return []engine.Step{unspoiled{by, by.spoiled}, unspoiled{at, at.spoiled}}
}

func (s unspoiled) Info() engine.Info {
	info := s.of.Info()
	info.Needs, info.Permissions, info.Why = nil, nil, "a gate that lets everything in says nothing about the new key"
	return info
}

func (s unspoiled) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	change, err := s.look(ctx, l)
	if err == nil && !change.Drift {
		change = engine.Change{Action: engine.None, Summary: "as it was"}
	}
	return change, err
}

func (s unspoiled) Apply(context.Context, engine.Change, engine.Ledger) error { return nil }
func (s unspoiled) Undo(context.Context, engine.Ledger) error                 { return nil }
func (s unspoiled) Commands() []string                                        { return nil }

// spoiled is what somebody has done to the label that this setup has set or found.
func (s enforcement) spoiled(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	if !onRecord(l.Entry(s.labelResource())) {
		return engine.Change{}, nil
	}
	return s.Inspect(ctx, l)
}

// spoiled is what somebody has done to our controller so that it cannot refuse. Another chart or
// other values are no matter here.
func (s controller) spoiled(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	if l.Entry(s.resource()).Phase != state.Made {
		return engine.Change{}, nil
	}
	c, err := s.reach(ctx, l)
	if err != nil || c == nil {
		return engine.Change{}, err
	}
	p, err := gateSpoiled(ctx, c)
	if err != nil || p == nil {
		return engine.Change{}, err
	}
	return engine.Change{Action: engine.Update, Summary: controllerRelease, Before: []string{p.What}, After: []string{"as installed"}, Drift: true}, nil
}
