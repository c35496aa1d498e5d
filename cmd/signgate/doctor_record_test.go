package main

import (
	"testing"
	"time"

	"github.com/signgate/signgate/state"
)

func TestNewer(t *testing.T) {
	begun := time.Now().Truncate(time.Second)
	entry := func(after time.Duration) []state.Entry { return []state.Entry{{Time: begun.Add(after)}, {Time: begun}} }
	older := state.Record{Created: begun, Entries: entry(200 * time.Millisecond)}
	for what, r := range map[string]state.Record{
		"begun later":              {Created: begun.Add(time.Second)},
		"begun in the same second": {Created: begun, Entries: entry(300 * time.Millisecond)},
	} {
		if !newer(r, older) || newer(older, r) {
			t.Errorf("%s: it is not the newer", what)
		}
	}
}
