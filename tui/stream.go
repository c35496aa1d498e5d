package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
)

// stream brings a run's events into the event loop, in order. The engine writes
// to a channel; a command waits on it, hands over what has come, and is issued
// again. So nothing is lost, and the loop never waits for the engine.
type stream struct {
	session Session
	work    work
	ctx     context.Context
	cancel  context.CancelFunc
	events  chan engine.Event
	err     error // set before events is closed
	stopped sync.Once
	gate    *gate

	late sync.RWMutex // held for writing to end it
	over bool         // what is still said is not heard
}

// work is what the events are of: a run, which asks the gate before each step, or a removal.
type work func(ctx context.Context, g *gate, emit func(engine.Event)) error

// reported are events that came since the last time; ended is what follows the last.
type (
	reported struct {
		from   *stream
		events []engine.Event
	}
	ended struct{ err error }
)

func newStream(ctx context.Context, s Session, w work) *stream {
	ctx, cancel := context.WithCancel(ctx)
	st := &stream{session: s, work: w, ctx: ctx, cancel: cancel, events: make(chan engine.Event, 1024)}
	st.gate = &gate{waiting: map[string]chan error{}, tell: func(step string) { st.emit(engine.Event{Type: typeWaiting, Step: step}) }}
	return st
}

// start runs the work; its end is told by listen, after all its events.
func (s *stream) start() tea.Cmd {
	return func() tea.Msg {
		defer s.cancel()
		s.err = s.work(s.ctx, s.gate, s.emit)
		s.late.Lock()
		defer s.late.Unlock()
		s.over = true
		close(s.events)
		return nil
	}
}

// emit is what the work reports to. A call of it that outlives the work says nothing.
func (s *stream) emit(ev engine.Event) {
	s.late.RLock()
	defer s.late.RUnlock()
	if !s.over {
		s.events <- ev
	}
}

// gather is how long events are collected once the first has come: a frame.
const gather = 8 * time.Millisecond

func listen(s *stream) tea.Cmd {
	return func() tea.Msg {
		ev, open := <-s.events
		if !open {
			return ended{s.err}
		}
		m := reported{from: s, events: []engine.Event{ev}}
		enough := time.NewTimer(gather)
		defer enough.Stop()
		for {
			select {
			case ev, open := <-s.events:
				if !open {
					return m // listen, issued again, finds it closed
				}
				m.events = append(m.events, ev)
			case <-enough.C:
				return m
			}
		}
	}
}

// stop asks the run to start nothing new.
func (s *stream) stop() tea.Cmd {
	return func() tea.Msg {
		s.stopped.Do(func() {
			s.session.Stop()
			s.gate.close()
		})
		return nil
	}
}

// finish ends a run that the screen has left behind: what it still says is read
// and dropped, so that it can end. It reports whether it did within the time.
func (s *stream) finish(within time.Duration) bool {
	s.cancel()
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case _, open := <-s.events:
			if !open {
				return true
			}
		case <-late.C:
			return false
		}
	}
}

// ticked is the beat of the stopwatches, while a run goes on; every beat long.
type ticked struct{}

const beat = time.Second
