// Package steps holds the thirteen steps from an empty project to a cluster that
// runs only signed images, a file each. A step knows one thing: how to see
// whether it is there, how to make it, and how to take back what it made. Steps
// pass one another nothing: every name follows from the answers, everything else
// is looked up again. They never print.
package steps

import (
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// Options are what the steps need besides the answers and the clients.
type Options struct {
	OutDir string // the setup's own folder: cosign.pub goes there
}

// List is the whole product: every step, in an order in which they could run one
// by one. What a step needs is in its Info; the rest runs side by side.
func List(a state.Answers, c *gcp.Clients, opt Options) []engine.Step {
	return nil
}
