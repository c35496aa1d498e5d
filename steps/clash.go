package steps

import (
	"slices"
	"strings"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// Two setups in one project may share what outlives both (the key ring, the APIs). What
// goes with the one that made it they must not share: the first to be destroyed would take
// it from under the other. Labels, and the description of a service account, say whose
// a thing is.

// another is the id of the other setup that labels name, "" if they name none, or this one.
func another(l engine.Ledger, labels map[string]string) string {
	if labels[labelManager] != manager || labels[labelSetup] == l.Setup() {
		return ""
	}
	return labels[labelSetup]
}

// clash is the change of a thing that another setup made and will take away with it.
func clash(l engine.Ledger, r state.Resource, summary, setup string) (engine.Change, bool) {
	if setup == "" || l.Entry(r).Ours() {
		return engine.Change{}, false
	}
	p := Clash(Describe(r), setup)
	p.Fix += "; if that was yours and its record is lost: " + adoptLine(setup)
	return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, true
}

// Clash is the problem of a thing that is another setup's.
func Clash(what, setup string) *problem.Problem {
	return raise("names-clash", "%s belongs to another signgate setup (%s)", what, setup)
}

// Clashes describes what a setup of these answers would share with the one on record
// and must not.
func Clashes(a state.Answers, other state.Record) []string {
	n := NamesOf(a)
	var all []string
	for _, e := range other.Entries {
		if !e.Ours() {
			continue
		}
		shared := false
		switch e.Kind {
		case "cloudkms.cryptoKeyVersion":
			shared = strings.HasPrefix(e.Name, n.Key()+"/")
		case "artifactregistry.repository":
			shared = e.Name == n.Repository()
		case "iam.serviceAccount":
			shared = e.Name == n.Account()
		case "container.cluster":
			shared = e.Name == n.Cluster()
		}
		if shared {
			all = append(all, Describe(e.Resource))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
