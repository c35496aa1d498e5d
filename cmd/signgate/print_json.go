package main

import (
	"encoding/json"
	"io"

	"github.com/signgate/signgate/internal/engine"
)

// jsonPrinter writes each event as one JSON object a line.
func jsonPrinter(out io.Writer) func(engine.Event) {
	enc := plainJSON(out)
	return func(ev engine.Event) { _ = enc.Encode(ev) }
}

// printJSON is a verb's whole answer.
func (a *app) printJSON(v any) error { return plainJSON(a.Out).Encode(v) }

// plainJSON writes what people may read as well: < and > stay as they are.
func plainJSON(out io.Writer) *json.Encoder {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc
}
