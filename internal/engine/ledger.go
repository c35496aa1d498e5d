package engine

import (
	"fmt"
	"maps"
	"time"

	"github.com/signgate/signgate/state"
)

// ledger is a step's page of the record in a store.
type ledger struct {
	store *state.Store
	step  string
	emit  func(Event)
}

// NewLedger gives the page of one step, reporting to emit.
func NewLedger(store *state.Store, step string, emit func(Event)) Ledger {
	return &ledger{store: store, step: step, emit: emit}
}

func (l *ledger) Entry(r state.Resource) state.Entry {
	for _, e := range l.Entries() {
		if e.Resource == r {
			return e
		}
	}
	return state.Entry{}
}

func (l *ledger) Entries() []state.Entry {
	var mine []state.Entry
	for _, e := range l.store.Record().Entries {
		if e.Step == l.step {
			mine = append(mine, e)
		}
	}
	return mine
}

// edit changes the entry of r, making one if there is none.
func (l *ledger) edit(r state.Resource, change func(*state.Entry)) error {
	return l.store.Update(func(rec *state.Record) error {
		now := time.Now().UTC().Truncate(time.Millisecond)
		for i := range rec.Entries {
			if e := &rec.Entries[i]; e.Resource == r && e.Step == l.step {
				before := e.Phase
				if change(e); e.Phase != before {
					e.Time = now
				}
				return nil
			}
		}
		e := state.Entry{Resource: r, Step: l.step, Time: now}
		change(&e)
		rec.Entries = append(rec.Entries, e)
		return nil
	})
}

// Intend keeps the origin of what is there: changing a thing that was found, or
// that we made before, does not alter whose it is.
func (l *ledger) Intend(r state.Resource) error {
	return l.edit(r, func(e *state.Entry) {
		if e.Phase == "" || e.Phase == state.Gone {
			e.Phase, e.Operation, e.Facts = state.Intended, "", nil
		}
	})
}

func (l *ledger) Operation(r state.Resource, name string) error {
	return l.edit(r, func(e *state.Entry) { e.Operation = name })
}

func (l *ledger) Made(r state.Resource, facts map[string]string) error {
	return l.settle(r, state.Made, facts)
}

func (l *ledger) Found(r state.Resource, facts map[string]string) error {
	return l.settle(r, state.Found, facts)
}

func (l *ledger) Gone(r state.Resource) error { return l.settle(r, state.Gone, nil) }

// settle writes only where something changes: a repeated run leaves the file alone.
func (l *ledger) settle(r state.Resource, phase state.Phase, facts map[string]string) error {
	if e := l.Entry(r); e.Phase == phase && e.Operation == "" && (facts == nil || maps.Equal(e.Facts, facts)) {
		return nil
	}
	return l.edit(r, func(e *state.Entry) {
		e.Phase, e.Operation = phase, ""
		if facts != nil {
			e.Facts = facts
		}
	})
}

func (l *ledger) Pin(key string) string { return l.store.Record().Pins[key] }

func (l *ledger) SetPin(key, value string) error {
	if l.Pin(key) == value {
		return nil
	}
	return l.store.Update(func(rec *state.Record) error {
		if have := rec.Pins[key]; have != "" && have != value {
			return fmt.Errorf("pin %s: it is %s for this setup and must not become %s", key, have, value)
		}
		if rec.Pins == nil {
			rec.Pins = map[string]string{}
		}
		rec.Pins[key] = value
		return nil
	})
}

func (l *ledger) Setup() string { return l.store.Record().Setup }

func (l *ledger) Report(e Event) {
	e.Step = l.step
	e.Time = time.Now()
	l.emit(e)
}
