package steps

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// looker is a step that can tell of each of its resources by itself, beyond the one
// change that Inspect sums them up in. It only reads.
type looker interface {
	look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error)
}

// Look compares what is on record with what is wanted and what is there, resource
// by resource, and says of each difference what it means for the gate. page gives
// a step's page of the record.
func Look(ctx context.Context, list []engine.Step, page func(step string) engine.Ledger) []engine.Finding {
	parts := make([][]engine.Finding, len(list))
	var all sync.WaitGroup
	for i, s := range list {
		all.Go(func() { parts[i] = lookAt(ctx, s, page(s.Info().ID)) })
	}
	all.Wait()
	return once(slices.Concat(parts...))
}

// lookAt is one step's findings. What cannot be looked at is a finding too.
func lookAt(ctx context.Context, s engine.Step, l engine.Ledger) []engine.Finding {
	by, ok := s.(looker)
	if !ok {
		return nil
	}
	info := s.Info()
	found, err := by.look(ctx, l)
	if err != nil {
		p := problem.From(err)
		f := engine.Finding{Step: info.ID, Resource: state.Resource{Kind: "step", Name: info.ID}, Title: info.Title,
			State: engine.CannotTell, Real: strings.TrimSuffix(p.What+"\n"+strings.TrimPrefix(p.Words, p.What), "\n"), Repair: "signgate explain " + p.ID}
		if slices.Contains([]string{"cluster", "controller", "policy", "enforcement", "proof"}, info.ID) {
			f.Because = p.What // the gate stands there
		}
		found = append(found, f)
	}
	for i := range found {
		found[i].Step = info.ID
		found[i].Means = found[i].Sentence()
	}
	return found
}

// once takes the proof's own word for what is wrong away where another finding has
// named the cause: it would be said twice.
func once(all []engine.Finding) []engine.Finding {
	named := slices.ContainsFunc(all, func(f engine.Finding) bool {
		return f.Resource.Kind != gateKind && f.Differs() && f.Effect != engine.Harmless && f.Because != ""
	})
	if !named {
		return all
	}
	return slices.DeleteFunc(all, func(f engine.Finding) bool { return f.Resource.Kind == gateKind && f.Differs() })
}

// The commands that repair: what is missing, and what somebody changed.
const repairMissing = "signgate apply"

func repairChanged(step string) string { return "signgate apply --overwrite-changes=" + step }

// finding begins a row: what is wanted of r, as words that can be compared with what is there.
func finding(l engine.Ledger, r state.Resource, wanted string) engine.Finding {
	return engine.Finding{Resource: r, Title: Describe(r), Recorded: l.Entry(r).Phase, Wanted: wanted}
}

// is ends a row with what is there, "" for nothing.
func is(f engine.Finding, seen string) engine.Finding {
	f.Real = seen
	switch {
	case seen == f.Wanted:
		f.State = engine.AsWanted
	case seen != "":
		f.State = engine.Changed
	case f.Recorded == state.Made || f.Recorded == state.Found:
		f.State, f.Real = engine.Missing, "not there"
	default:
		f.State, f.Real = engine.NotYet, "not there"
	}
	return f
}

// means says what a difference does to the gate, why, and what repairs it; it leaves
// a row without a difference as it is.
func means(f engine.Finding, effect engine.Effect, repair, because string) engine.Finding {
	switch {
	case f.Differs():
		f.Effect, f.Because, f.Repair = effect, because, repair
	case f.State == engine.NotYet:
		f.Repair = repairMissing
	}
	return f
}

// when is a if ok, and else nothing.
func when(ok bool, a string) string {
	if ok {
		return a
	}
	return ""
}
