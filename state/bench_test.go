package state_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/signgate/signgate/state"
)

// A save at ten times the size of a real setup's record: 300 entries.
func BenchmarkSave(b *testing.B) {
	s, err := state.Create(b.TempDir(), "b", state.World{}, state.Defaults())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.Update(func(r *state.Record) error {
		for i := range 300 {
			r.Entries = append(r.Entries, state.Entry{
				Resource: state.Resource{Kind: "iam.binding", Name: fmt.Sprintf("projects/acme-demo/roles/logging.logWriter/%d", i)},
				Step:     "identity", Phase: state.Made, Facts: map[string]string{"uniqueId": "112233445566778899001"},
			})
		}
		return nil
	})
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := s.Update(func(r *state.Record) error { r.Entries[7].Operation = "operations/x"; return nil }); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
	info, err := os.Stat(filepath.Join(s.Folder(), "record.json"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1024, "KiB")
}
