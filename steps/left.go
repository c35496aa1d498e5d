package steps

import (
	"context"
	"slices"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// Left looks again at what a record says was made and is gone by now: left is still
// there, unseen could not be looked at. A key version is as gone as Google lets it be
// once its destruction is scheduled.
func Left(ctx context.Context, list []engine.Step, before state.Record, page func(step string) engine.Ledger) (left []state.Resource, unseen []string) {
	was := func(r state.Resource) bool {
		return slices.ContainsFunc(before.Entries, func(e state.Entry) bool { return e.Resource == r && e.Ours() })
	}
	for _, f := range Look(ctx, list, page) {
		switch {
		case f.State == engine.CannotTell && f.Step != "signature" && f.Resource.Kind == "step":
			unseen = append(unseen, f.Title)
		case f.Recorded != state.Gone || !was(f.Resource):
		case f.Real == scheduled.String(), f.Resource.Kind == "serviceusage.service":
		case f.Resource.Kind == "cloudresourcemanager.project" && f.State == engine.Changed: // shut down: Google deletes it later
		case f.State == engine.AsWanted || f.State == engine.Changed:
			left = append(left, f.Resource)
		}
	}
	return left, unseen
}
