package tui

import (
	"context"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// Backend is all that the wizard needs from outside; cmd/signgate implements it.
// Errors become problems by problem.From. Every method with a context may take
// long and is called outside the event loop; several may be called at once.
type Backend interface {
	// World says at once, without asking anyone, which of the two worlds this is.
	World() World

	// Connect signs in (and starts the sandbox where that is the world). It is
	// called again when the person asks to try again. note tells what it is doing.
	Connect(ctx context.Context, note func(string)) (World, error)

	// Setups lists what is on record in this state folder, unreadable ones with their error.
	Setups(context.Context) ([]state.Listed, error)

	// Removing says of a setup on record whether the last that was done to it was to
	// remove it: then that did not come to its end.
	Removing(name string) bool

	// Projects gives a page of the projects that the account sees whose id or name
	// contains filter ("" is all). The first page has token ""; the last answers Next "".
	Projects(ctx context.Context, filter, token string) (ProjectPage, error)

	// Project looks up a project by id: lists lag behind, and not everyone may list.
	Project(ctx context.Context, id string) (Project, error)

	// Regions lists where key, images and cluster can be.
	Regions(ctx context.Context, project string) ([]Region, error)

	// Digest says which digest the image of these answers stands for now. It may ask
	// a registry.
	Digest(context.Context, state.Answers) (string, error)

	// Cost prices a cluster of these answers. ok is false where nobody knows.
	Cost(state.Answers) (c Cost, ok bool)

	// Create starts a new setup with these answers. It makes nothing in the cloud.
	Create(context.Context, state.Answers) (Session, error)

	// Open goes on with a setup on record.
	Open(ctx context.Context, name string) (Session, error)
}

// Session is one setup, locked for this process until Close.
type Session interface {
	Name() string                // of the setup
	Answers() state.Answers      // as recorded
	Entries() []state.Entry      // the journal: what was meant, made and found
	Describe(state.Entry) string // as a person would call it: `key ring "cosign"`
	Link(state.Entry) string     // its page in the cloud console, "" if it has none
	Resume(undo bool) string     // the command that goes on with making this setup, or with removing it

	// Result is what a step makes, or has made, in a word or two; "" if nothing is
	// to be said yet.
	Result(step string) string

	// Commands are what a person would type instead of a step.
	Commands(step string) []string

	// Plan inspects everything and changes nothing. A blocked step is part of the
	// plan, not an error.
	Plan(context.Context) (engine.Plan, error)

	// Run carries a plan out, as Plan gave it. emit is called from one goroutine at a
	// time; the last event is the summary. The error is nil if all went well. It may
	// be called again, after Plan, when it has returned: also after Stop.
	Run(ctx context.Context, plan engine.Plan, how RunOptions, emit func(engine.Event)) error

	// Change takes other answers into the setup, as long as nothing was made by those
	// they replace; what was only begun by them is taken back first.
	Change(context.Context, state.Answers) error

	// Stop lets what is in flight end and starts nothing new; Run then returns.
	Stop()

	// Removals says what Destroy would remove and what it would leave, and why.
	Removals(context.Context) ([]Removal, error)

	// Destroy removes what this setup made, with events as Run's.
	Destroy(ctx context.Context, emit func(engine.Event)) error

	Close() error
}

// RunOptions are how a plan is carried out.
type RunOptions struct {
	// Overwrite lets it revert what someone changed by hand.
	Overwrite bool
	// Before, if set, is asked before each step that may have something to do, and
	// may take its time; a step that it answers an error for is skipped.
	Before func(context.Context, engine.Info) error
}

// A session may do more; a screen offers it only where it is there.
type (
	// Trier asks the cluster whether it would admit an image, and why; Means says
	// a verdict's reason in a sentence.
	Trier interface {
		Try(ctx context.Context, image string) (engine.Verdict, error)
		Means(reason string) string
	}
	// Prover keeps the verdicts that the last Plan found when it looked at the gate.
	Prover interface {
		Verdicts() []engine.Verdict
	}
	// Guide says what can be done with a setup that is there.
	Guide interface {
		Next() []Hint
	}
	// Estimator knows about how long a step takes in this world; 0 if it does not.
	Estimator interface {
		Estimate(step string) time.Duration
	}
)

// Watcher is a Backend by which a setup can be watched that another process works
// on. Its session's Run reports what the other one does, each new run of it by a
// plan first; whatever else would change something answers an error.
type Watcher interface {
	Watch(ctx context.Context, name string) (Session, error)
}

// Preflighter is a Backend that looks at what a setup needs before it begins:
// sign-in, project, billing, APIs and permissions. It changes nothing; each check
// is reported as it starts and as it ends.
type Preflighter interface {
	Preflight(ctx context.Context, a state.Answers, report func(Check)) error
}

// Biller is a Backend that knows who could pay for a new project.
type Biller interface {
	BillingAccounts(context.Context) ([]BillingAccount, error)
}

// Checker is a Backend that compares a finished setup with what is there. It holds
// the setup no longer than that takes.
type Checker interface {
	Standing(ctx context.Context, name string) (Standing, error)
}

// World is which cloud this is and as whom.
type World struct {
	Sandbox bool
	Account string // "" until connected
	State   string // folder in which setups are recorded
}

// Name is the world as a person would say it.
func (w World) Name() string {
	if w.Sandbox {
		return "sandbox"
	}
	return "Google Cloud"
}

// Project is one that the account sees.
type Project struct {
	ID   string
	Name string
}

// BillingAccount is one that can pay for projects.
type BillingAccount struct {
	Name    string // "billingAccounts/012345-6789AB-CDEF01"
	Display string
}

// ProjectPage is a part of a list of projects.
type ProjectPage struct {
	Projects []Project
	Next     string // token of the next page, "" on the last
}

// Region is a place for key, images and cluster.
type Region struct {
	Name  string
	Place string // "Montréal", "" if unknown
	Note  string // where the choice matters: price, carbon, latency
}

// Cost is what a setup costs while it exists: the engine's own, which a plan has as well.
type Cost = engine.Cost

// Check is one line of the preflight: the engine's own, so that screen, text and
// JSON say the same. Reports of the same ID replace each other.
type Check = engine.Check

// CheckState is where a check is.
type CheckState = engine.CheckState

// The states of a check.
const (
	CheckRunning = engine.CheckRunning
	CheckPass    = engine.CheckPass
	CheckFail    = engine.CheckFail
	CheckUnknown = engine.CheckUnknown
)

// Standing is how a finished setup is found.
type Standing struct {
	OK   bool
	Text string // what differs and what that means for the gate
}

// Hint is something that can be done, and the command that does it.
type Hint struct{ What, Command string }

// Removal is one thing that Destroy removes, or leaves.
type Removal = engine.Removal
