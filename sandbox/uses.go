package sandbox

import (
	"context"
	"net/http"

	"github.com/signgate/signgate/sandbox/iam"
)

// Uses are what everybody did with what they may do, in a running sandbox.
func (r *Running) Uses(ctx context.Context) ([]iam.Use, error) {
	var all []iam.Use
	return all, r.Call(ctx, http.MethodGet, "/uses", nil, &all)
}
