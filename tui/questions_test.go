package tui

import (
	"testing"

	"github.com/signgate/signgate/state"
)

// TestEachFieldIsAQuestion: what the form asks has a flag and a key in the config file.
func TestEachFieldIsAQuestion(t *testing.T) {
	known := map[string]bool{}
	for _, q := range state.Questions() {
		known[q.Key] = true
	}
	for _, f := range fields() {
		if !known[f.path] {
			t.Errorf("the form asks for %q, which is no key of the config file", f.path)
		}
	}
}
