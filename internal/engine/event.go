package engine

import (
	"time"

	"github.com/signgate/signgate/internal/problem"
)

// Type tells the kinds of events apart.
type Type string

// The types of events. The last event of a run is its Summary.
const (
	TypeCheck    Type = "check"
	TypePlan     Type = "plan"
	TypeStep     Type = "step"
	TypeProgress Type = "progress" // may be dropped where it comes too fast; no other type ever is
	TypeVerdict  Type = "verdict"
	TypeNotice   Type = "notice"
	TypeRemovals Type = "removals" // what destroy is about to remove, and what it keeps
	TypeCall     Type = "call"     // one call to a service, where a log of them was asked for
	TypeSummary  Type = "summary"
)

// Status is where a step is.
type Status string

// The statuses of a step event.
const (
	Started Status = "started"
	Done    Status = "done"
	Reused  Status = "reused"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	Undone  Status = "undone"
)

// Event is one thing that happened in a run. Its JSON is the contract of `--output json`.
type Event struct {
	Time     time.Time        `json:"time"`
	Type     Type             `json:"type"`
	Step     string           `json:"step,omitempty"`
	Status   Status           `json:"status,omitempty"`  // of a step event
	Seconds  float64          `json:"seconds,omitempty"` // how long the step took, when it ended
	Text     string           `json:"text,omitempty"`    // one line for a person
	Warning  bool             `json:"warning,omitempty"` // of a notice: it must be seen, whatever else goes on
	Problem  *problem.Problem `json:"error,omitempty"`   // of a failed step, and of a notice of what failed besides
	Progress *Progress        `json:"progress,omitempty"`
	Verdict  *Verdict         `json:"verdict,omitempty"`
	Check    *Check           `json:"check,omitempty"`
	Plan     *Plan            `json:"plan,omitempty"`
	Removals []Removal        `json:"removals,omitempty"`
	Summary  *Summary         `json:"summary,omitempty"`
}

// Progress says how far a step is. Total 0 means that nobody knows.
type Progress struct {
	Stage string `json:"stage,omitempty"` // "CLUSTER_DEPLOYING", "layer 2 of 5"
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit,omitempty"` // "bytes", "" for counts
}

// The cases of a verdict, and what can come of one.
const (
	CaseUnsignedPublic  = "unsigned-public"
	CaseUnsignedPrivate = "unsigned-private"
	CaseWrongKey        = "wrong-key"
	CaseSigned          = "signed"
	CaseTried           = "tried" // an image that somebody asked about

	Denied   = "denied"
	Admitted = "admitted"
)

// Cases are the four of the proof, in the order in which they are shown.
func Cases() []string {
	return []string{CaseUnsignedPublic, CaseUnsignedPrivate, CaseWrongKey, CaseSigned}
}

// Verdict is one live deployment of the proof: what was expected of it and what the cluster did.
type Verdict struct {
	Case     string `json:"case"` // unsigned-public, unsigned-private, wrong-key, signed; tried, of an image that somebody asked about
	Image    string `json:"image"`
	Expected string `json:"expected"` // denied or admitted
	Actual   string `json:"actual"`
	Reason   string `json:"reason"`        // our word for it: no-policy, unsigned, wrong-key, signed…
	Message  string `json:"message"`       // the cluster's own words
	Fix      string `json:"fix,omitempty"` // what to try, of an image that somebody asked about
	OK       bool   `json:"ok"`            // as expected, and for the expected reason
}

// Plan is what a run would do: every step with its change, in the order of the list;
// about how long that takes, what it costs, and what may well stand in its way.
type Plan struct {
	Steps    []Planned          `json:"steps"`
	Seconds  float64            `json:"seconds"`            // that looking took
	Forecast *Forecast          `json:"forecast,omitempty"` // nil where nobody knows
	Cost     *Cost              `json:"cost,omitempty"`     // nil where nobody knows
	Warnings []*problem.Problem `json:"warnings,omitempty"`
}

// Planned is one step of a plan.
type Planned struct {
	Info
	Change    Change  `json:"change"`
	Seconds   float64 `json:"seconds,omitempty"` // about how long the change takes
	Inspected float64 `json:"inspectSeconds"`    // how long it took to look
}

// Removal is one thing on record that destroy removes, or keeps.
type Removal struct {
	Name string `json:"name"` // `key ring "cosign"`
	Keep bool   `json:"keep"`
	Why  string `json:"why,omitempty"` // why it stays, or what happens instead ("destroyed on 24 December")
}

// Summary ends a run.
type Summary struct {
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"`
	Created int     `json:"created"`
	Removed int     `json:"removed,omitempty"`
	Reused  int     `json:"reused"`
	Changed int     `json:"changed"`
	Failed  int     `json:"failed"`
	Skipped int     `json:"skipped"`
}
