package main

import (
	"context"
	"errors"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// said is a problem that has been told already.
type said struct{ *problem.Problem }

func (s said) Unwrap() error { return s.Problem }

// told is how an engine's run ended: of its failures its events have told. That it was
// stopped is no problem.
func told(err error) error {
	if err == nil || stopped(err) {
		return err
	}
	return said{problem.From(err)}
}

func stopped(err error) bool {
	return errors.Is(err, engine.ErrStopped) || errors.Is(err, context.Canceled)
}

// lastWord holds a run's summary back until what comes after the engine has been done as
// well: nothing is told after it.
type lastWord struct {
	emit    func(engine.Event)
	summary *engine.Event
}

func (w *lastWord) hold(ev engine.Event) {
	if ev.Type == engine.TypeSummary {
		w.summary = &ev
		return
	}
	w.emit(ev)
}

// say tells of a failure that no event has told of, and then the summary.
func (w *lastWord) say(err error) error {
	var done said
	if err != nil && !stopped(err) && !errors.As(err, &done) {
		p := problem.From(err)
		w.emit(engine.Event{Time: time.Now(), Type: engine.TypeNotice, Text: p.What, Problem: p})
		err = said{p}
	}
	if w.summary != nil {
		w.summary.Summary.OK = err == nil
		w.emit(*w.summary)
	}
	return err
}
