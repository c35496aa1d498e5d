// Package engine runs a setup's steps: it plans them, runs them as parallel as
// their needs allow, keeps the record of what was meant and what was made, and
// reports every change as an event. It knows no cloud and prints nothing.
package engine

import (
	"context"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// A Step is one row of the setup: something that must be there in the end.
type Step interface {
	Info() Info

	// Inspect compares what is there with what is wanted. It only reads.
	Inspect(context.Context, Ledger) (Change, error)

	// Apply makes it so. It is safe to repeat, also after a crash anywhere in it,
	// and brackets each call that changes anything with Intend and Made. Of what was
	// there before (Reuse) it only notes that it was Found.
	Apply(context.Context, Change, Ledger) error

	// Undo removes only what the ledger says this setup made, or had begun to make: then
	// the thing itself must say that it is ours. Gone already is success; what turns out to
	// be somebody else's by now is said, and Found.
	Undo(context.Context, Ledger) error

	// Commands are what a person would type to the same effect: gcloud, cosign, helm,
	// kubectl. `signgate export script` is made of them, so each can be typed again:
	// at worst it says that the thing is there already. A line that must be refused
	// ends in "# refused: WORDS", words (a pattern of grep -E) of the refusal.
	Commands() []string
}

// Guarded is a Step that knows beforehand when it must not be undone. Then nothing of the
// setup is: what would be left of it could not be looked after.
type Guarded interface {
	Removable(context.Context, Ledger) error
}

// Maker is a Step that can say in a line what it makes, without looking.
type Maker interface{ Makes() string }

// Info is what can be said of a step without looking at the world.
type Info struct {
	ID          string   `json:"id"` // kept for ever: records and scripts hold it
	Title       string   `json:"title"`
	Why         string   `json:"why"` // one sentence
	Needs       []string `json:"needs,omitempty"`
	Permissions []string `json:"permissions,omitempty"` // what the person running it must hold
}

// Action is what a step would do to the world.
type Action string

// The actions of a plan.
const (
	None    Action = "none"    // as wanted, and ours
	Reuse   Action = "reuse"   // as wanted, and there before us
	Create  Action = "create"  // not there yet
	Update  Action = "update"  // there, but not as wanted
	Blocked Action = "blocked" // cannot be made so; Problem says why
)

// Change is the outcome of an Inspect.
type Change struct {
	Action  Action           `json:"action"`
	Summary string           `json:"summary"`          // one line: `key ring "cosign" in europe-west1`
	Before  []string         `json:"before,omitempty"` // for Update: what is there
	After   []string         `json:"after,omitempty"`  // for Update: what is wanted
	Drift   bool             `json:"drift,omitempty"`  // for Update: someone changed what we had made; ask before reverting
	Problem *problem.Problem `json:"problem,omitempty"`
}

// Ledger is a step's page of the setup record. What it says it has written is on
// disk (fsync) when the method returns.
type Ledger interface {
	// Entry returns what the record holds of r, the zero Entry if nothing.
	Entry(r state.Resource) state.Entry
	// Entries lists this step's entries, oldest first.
	Entries() []state.Entry

	// Intend says that r is about to be created (or changed). Call it before the call that does.
	Intend(r state.Resource) error
	// Operation records the name of the long-running operation that makes r, for a restart to wait for.
	Operation(r state.Resource, name string) error
	// Made is the receipt: this setup created r. facts are what cannot be computed again (a unique id).
	Made(r state.Resource, facts map[string]string) error
	// Found says that r is somebody else's: it may be used, and is never removed.
	Found(r state.Resource, facts map[string]string) error
	// Gone says that r, made by us, has been removed.
	Gone(r state.Resource) error

	// Pin returns a value resolved once for the whole setup (the image's digest, the key version); "" if none yet.
	Pin(key string) string
	// SetPin resolves it. It is an error to set another value over one that is there.
	SetPin(key, value string) error

	// Setup is the id of the setup, for the labels that show ownership.
	Setup() string
	// Report sends an event (progress, verdict, notice) to whoever watches. It never blocks for long.
	Report(Event)
}
