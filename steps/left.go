package steps

import (
	"context"
	"slices"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// Left looks again at what was removed: left is still there, unseen could not be looked
// at. A key version is as gone as Google lets it be once its destruction is scheduled.
func Left(ctx context.Context, list []engine.Step, removed []state.Resource, page func(step string) engine.Ledger) (left []state.Resource, unseen []string) {
	for _, f := range Look(ctx, list, page) {
		switch {
		case f.State == engine.CannotTell && f.Step != "signature" && f.Resource.Kind == "step":
			unseen = append(unseen, f.Title)
		case !slices.Contains(removed, f.Resource):
		case f.Real == scheduled.String(), f.Resource.Kind == "serviceusage.service":
		case f.Resource.Kind == "cloudresourcemanager.project" && f.State == engine.Changed: // shut down: Google deletes it later
		case f.State == engine.AsWanted || f.State == engine.Changed:
			left = append(left, f.Resource)
		}
	}
	return left, unseen
}
