package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// Condition is how a resource is, against what is on record and wanted.
type Condition string

// The conditions of a resource.
const (
	AsWanted   Condition = "as-wanted"
	Missing    Condition = "missing"      // on record, and not there
	Changed    Condition = "changed"      // there, and not as wanted
	NotYet     Condition = "not-made-yet" // neither on record nor there
	CannotTell Condition = "cannot-tell"  // it could not be looked at
)

// Effect is what a difference does to the gate.
type Effect string

// The effects, the worst first.
const (
	Opens    Effect = "opens"     // images that should be refused are admitted
	Shuts    Effect = "shuts"     // images that should be admitted are refused
	MayOpen  Effect = "may-open"  // it holds, until something happens
	MayShut  Effect = "may-shut"  // likewise
	Harmless Effect = "no-effect" // the gate does not depend on it
)

// effects are all of them, the worst first.
func effects() []Effect { return []Effect{Opens, Shuts, MayOpen, MayShut, Harmless} }

// Worse says whether an effect is worse than another.
func (e Effect) Worse(than Effect) bool {
	return slices.Index(effects(), e) < slices.Index(effects(), than)
}

// Finding compares one resource's record, what is wanted of it, and what is there.
type Finding struct {
	Step     string         `json:"step"`
	Resource state.Resource `json:"resource"`
	Title    string         `json:"title"`              // as a person would call it
	Recorded state.Phase    `json:"recorded,omitempty"` // "" if it is not on record
	State    Condition      `json:"state"`
	Wanted   string         `json:"wanted,omitempty"`
	Real     string         `json:"real,omitempty"`
	Effect   Effect         `json:"effect,omitempty"`  // on the gate, of a difference
	Because  string         `json:"because,omitempty"` // the clause that says why
	Means    string         `json:"means,omitempty"`   // the whole sentence
	Repair   string         `json:"repair,omitempty"`  // the command that makes it right
	Created  time.Time      `json:"created,omitzero"`  // of a cluster: when it was made, by the cloud's own word
}

// Differs says whether the resource is not as it should be.
func (f Finding) Differs() bool { return f.State == Missing || f.State == Changed }

// Sentence says what a difference means for the gate, "" of what is none.
func (f Finding) Sentence() string {
	if !f.Differs() || f.Because == "" {
		return ""
	}
	_, begin := f.Effect.leaves()
	return begin + f.Because
}

// GateState is the gate in a word.
type GateState string

// The states of a gate.
const (
	GateHolds   GateState = "holds"   // only signed images get in, and they do
	GateAtRisk  GateState = "at-risk" // it holds, until something happens
	GateShut    GateState = "shut"    // images that should get in do not
	GateOpen    GateState = "open"    // images that should not get in do
	GateAbsent  GateState = "absent"  // it is not made yet
	GateUnknown GateState = "unknown" // it could not be looked at
)

// leaves says where an effect leaves the gate, and how the sentence begins that tells of it.
func (e Effect) leaves() (state GateState, begin string) {
	switch e {
	case Opens:
		return GateOpen, "the gate is open because "
	case Shuts:
		return GateShut, "images are now refused because "
	case MayOpen, MayShut:
		return GateAtRisk, "the gate holds for now, but "
	}
	return GateHolds, "nothing changes for the gate: "
}

// Gate is what all findings together mean.
type Gate struct {
	State    GateState `json:"state"`
	Means    string    `json:"means"`
	Verdicts []Verdict `json:"verdicts,omitempty"` // what the cluster answered when it was asked just now
}

// Report is what status says: the value behind its text and its JSON.
type Report struct {
	Type     string      `json:"type"` // "status"
	Time     time.Time   `json:"time"`
	Setup    string      `json:"setup"`
	World    state.World `json:"world"`
	Project  string      `json:"project"`
	Region   string      `json:"region"`
	Finished time.Time   `json:"finished,omitzero"`
	Running  *Running    `json:"running,omitempty"` // while there is a cluster
	Rotation string      `json:"rotation,omitempty"`
	Gate     Gate        `json:"gate"`
	Findings []Finding   `json:"resources"`
	OK       bool        `json:"ok"` // all is as recorded and wanted
}

// Signed is what sign says of one more image.
type Signed struct {
	Type    string           `json:"type"`              // "sign"
	Asked   string           `json:"asked"`             // as the image was named
	Image   string           `json:"image"`             // by digest
	Version string           `json:"keyVersion"`        // that has signed it
	Added   bool             `json:"added"`             // false: it had a good signature already
	Try     *Verdict         `json:"try,omitempty"`     // what the cluster says of it now
	Problem *problem.Problem `json:"problem,omitempty"` // why the cluster says nothing
}

// Running says for how long the cluster has been there and what it has cost, in US dollars.
type Running struct {
	Since   time.Time `json:"since"`
	Seconds float64   `json:"seconds"`
	Hourly  float64   `json:"hourly"`
	SoFar   float64   `json:"soFar"`
	Note    string    `json:"note,omitempty"`
}

// Judge says what the findings mean for the gate together: the worst effect counts, and
// what could not be looked at counts for more than what may happen yet. holds is the
// sentence for a gate that nothing speaks against.
func Judge(findings []Finding, holds string) Gate {
	gate, because := Gate{State: GateHolds, Means: holds}, []string(nil)
	for _, e := range effects() {
		state, begin := e.leaves()
		if state == GateHolds || because != nil && state != gate.State {
			break
		}
		for _, f := range findings {
			if f.Effect == e && f.Sentence() != "" {
				because = append(because, f.Because)
				gate = Gate{State: state, Means: begin + strings.Join(because, "; ")}
			}
		}
	}
	if gate.State == GateOpen || gate.State == GateShut {
		return gate
	}
	for _, f := range findings {
		if f.State == CannotTell && f.Because != "" {
			return Gate{State: GateUnknown, Means: "whether the gate holds cannot be told: " + f.Because}
		}
	}
	return gate
}
