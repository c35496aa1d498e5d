// Package export writes a setup down in the forms of others: a bash script,
// Terraform, a config file, lines for a build. It looks at nothing but the
// answers and the record, and so needs no network and no sign-in.
package export

import (
	"cmp"

	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// Setup is what is written down.
type Setup struct {
	Name    string
	Answers state.Answers
	Chart   kube.Chart
	Number  string            // of the project, "" where it is not known
	Pins    map[string]string // what the record holds; nil where there is none
	Entries []state.Entry
}

// Of is the setup that a record holds.
func Of(rec state.Record, chart kube.Chart) Setup {
	return Setup{Name: rec.Name, Answers: rec.Answers, Chart: chart, Number: rec.World.ProjectNumber, Pins: rec.Pins, Entries: rec.Entries}
}

func (s Setup) names() steps.Names { return steps.NamesOf(s.Answers) }

// options are those of the steps whose commands are written down.
func (s Setup) options() steps.Options {
	return steps.Options{Chart: s.Chart, KeyVersions: steps.KeyVersions(s.Pins)}
}

// keyVersion is the number of the version that signs: a new key's is the first.
func (s Setup) keyVersion() string { return cmp.Or(s.Pins[steps.PinKeyVersion], "1") }

// there says whether a resource is in the world as far as the record knows.
func (s Setup) there(kind, name string) bool {
	for _, e := range s.Entries {
		if e.Kind == kind && e.Name == name {
			return e.Phase == state.Made || e.Phase == state.Found
		}
	}
	return false
}
