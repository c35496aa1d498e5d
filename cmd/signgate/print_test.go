package main

import (
	"strings"
	"testing"

	"github.com/signgate/signgate/internal/engine"
)

func TestPrintersTellWarningsFromNotes(t *testing.T) {
	var text, lines strings.Builder
	inWords, inJSON := newTextPrinter(&text, false).emit, jsonPrinter(&lines)
	for _, warning := range []bool{false, true} {
		ev := engine.Event{Type: engine.TypeNotice, Step: "enforcement", Text: "the till runs nginx", Warning: warning}
		inWords(ev)
		inJSON(ev)
	}
	if want := "  note      enforcement  the till runs nginx\n  warning   enforcement  the till runs nginx\n"; text.String() != want {
		t.Errorf("as text:\n%s", text.String())
	}
	if n := strings.Count(lines.String(), `,"warning":true}`); n != 1 {
		t.Errorf("as JSON:\n%s", lines.String())
	}
}
