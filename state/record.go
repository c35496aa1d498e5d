// Package state is the setup record: the answers a person gave, the world they
// are for, what was resolved once, and a journal of what was meant, made and
// found. It holds no secret, and nothing that can be inspected again.
package state

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Resource names one thing in the world: Kind is the API's own word
// ("cloudkms.keyRing", "iam.binding"), Name its full resource name.
type Resource struct {
	Kind string `json:"kind"` // the API's own word: "cloudkms.keyRing"
	Name string `json:"name"` // its full name there
}

// Phase is how far an entry is.
type Phase string

// An entry is Intended before the call, Made or Found after it, Gone once removed.
const (
	Intended Phase = "intended"
	Made     Phase = "made"
	Found    Phase = "found"
	Gone     Phase = "gone"
)

// Entry is one line of the journal: what this setup knows of a resource.
type Entry struct {
	Resource
	Step      string            `json:"step"`                // whose it is
	Phase     Phase             `json:"phase"`               // how far it is
	Operation string            `json:"operation,omitempty"` // long-running operation in flight
	Facts     map[string]string `json:"facts,omitempty"`     // what the server gave and cannot be computed
	Time      time.Time         `json:"time"`                // of the last change of phase
}

// Ours says whether signgate made the resource, or means to: it is this setup's to remove.
func (e Entry) Ours() bool { return e.Phase == Made || e.Phase == Intended }

// World says which cloud a record is for. It is refused in any other.
type World struct {
	Kind          string `json:"kind"`                    // "sandbox" or "google"
	ProjectNumber string `json:"projectNumber,omitempty"` // once it is known
}

// String names a world as a person would.
func (w World) String() string {
	kind := map[string]string{"sandbox": "the sandbox", "google": "Google Cloud"}[w.Kind]
	if kind == "" {
		kind = fmt.Sprintf("world %q", w.Kind)
	}
	if w.ProjectNumber == "" {
		return kind
	}
	return kind + " (project number " + w.ProjectNumber + ")"
}

func (r Record) clone() Record {
	c := r
	c.Entries = slices.Clone(r.Entries)
	for i := range c.Entries {
		c.Entries[i].Facts = maps.Clone(c.Entries[i].Facts)
	}
	c.Pins = maps.Clone(r.Pins)
	return c
}
