package main

import (
	"encoding/json"
	"io"

	"github.com/signgate/signgate/internal/engine"
)

// jsonPrinter writes each event as one JSON object a line.
func jsonPrinter(out io.Writer) func(engine.Event) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(ev engine.Event) { _ = enc.Encode(ev) }
}
