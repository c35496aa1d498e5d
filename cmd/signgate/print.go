package main

import "github.com/signgate/signgate/internal/engine"

// printer draws the events of one verb in the format that was asked for.
type printer struct {
	app   *app
	draw  func(engine.Event)
	quiet bool // leave out steps of which nothing is to be said
}

func (a *app) printer() *printer {
	p := &printer{app: a}
	if a.output == "json" {
		p.draw = jsonPrinter(a.Out)
	} else {
		p.draw = newTextPrinter(a.Out).emit
	}
	return p
}

func (p *printer) emit(ev engine.Event) {
	switch {
	case ev.Type == engine.TypeSummary:
		p.app.owes = false
	case p.quiet && p.app.output == "text" && ev.Status == engine.Reused:
		return
	}
	p.draw(ev)
}
