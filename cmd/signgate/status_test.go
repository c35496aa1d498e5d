package main

import (
	"testing"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// A cluster runs, and costs, from when the cloud says that it was made: after --adopt the record is younger.
func TestRunningSince(t *testing.T) {
	adopted := time.Now().Add(-time.Hour)
	made := adopted.Add(-9 * time.Hour)
	r := state.Resource{Kind: "container.cluster", Name: "projects/p/locations/z/clusters/c"}
	rec := state.Record{Answers: state.Defaults(), Entries: []state.Entry{{Resource: r, Phase: state.Made, Time: adopted}}}
	for what, c := range map[string]struct {
		found []engine.Finding
		since time.Time
	}{
		"the cloud says when":   {[]engine.Finding{{Resource: r, Created: made}}, made},
		"the cloud says not":    {[]engine.Finding{{Resource: r}}, adopted},
		"another was looked at": {[]engine.Finding{{Resource: state.Resource{Kind: r.Kind, Name: "x"}, Created: made}}, adopted},
	} {
		got := runningSince(rec, c.found)
		if got == nil || !got.Since.Equal(c.since) || got.SoFar != got.Hourly*got.Seconds/3600 || got.Hourly == 0 {
			t.Errorf("%s: %+v, want since %s", what, got, c.since)
		}
	}
}
