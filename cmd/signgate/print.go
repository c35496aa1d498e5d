package main

import (
	"fmt"

	"github.com/signgate/signgate/internal/engine"
)

// printer draws the events of one verb in the format that was asked for.
type printer struct {
	app   *app
	draw  func(engine.Event)
	quiet bool // leave out steps of which nothing is to be said

	// preflight says to tell of the checks as well; they come before the plan, and are
	// not told again when a run looks at them once more.
	preflight bool
	checks    map[engine.CheckState]int
}

func (a *app) printer() *printer {
	p := &printer{app: a, checks: map[engine.CheckState]int{}}
	if a.output == "json" {
		p.draw = jsonPrinter(a.Out)
	} else {
		p.draw = newTextPrinter(a.Out, a.sandbox).emit
	}
	return p
}

func (p *printer) emit(ev engine.Event) {
	switch {
	case ev.Type == engine.TypeCheck && !p.preflight:
		return
	case ev.Type == engine.TypeCheck:
		p.checks[ev.Check.State]++
		check := p.app.checkHere(*ev.Check)
		ev.Check = &check
	case ev.Type == engine.TypePlan && p.preflight:
		p.preflight = false
		if p.app.output == "text" {
			fmt.Fprintf(p.app.Out, "Preflight: %s\n", saidChecks(p.checks))
		}
	case ev.Type == engine.TypeSummary:
		p.app.owes = false
	case p.quiet && p.app.output == "text" && ev.Status == engine.Reused:
		return
	}
	ev.Problem = p.app.hereToo(ev.Problem, p.app.named())
	p.draw(ev)
}
