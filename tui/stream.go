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
	work    func(context.Context, func(engine.Event)) error
	ctx     context.Context
	cancel  context.CancelFunc
	events  chan engine.Event
	err     error // set before events is closed
	stopped sync.Once
}

// reported are events that came since the last time; ended is what follows the last.
type (
	reported struct {
		from   *stream
		events []engine.Event
	}
	ended struct{ err error }
)

func newStream(ctx context.Context, s Session, work func(context.Context, func(engine.Event)) error) *stream {
	ctx, cancel := context.WithCancel(ctx)
	return &stream{session: s, work: work, ctx: ctx, cancel: cancel, events: make(chan engine.Event, 1024)}
}

// start runs the work; its end is told by listen, after all its events.
func (s *stream) start() tea.Cmd {
	return func() tea.Msg {
		defer s.cancel()
		defer close(s.events)
		s.err = s.work(s.ctx, func(ev engine.Event) { s.events <- ev })
		return nil
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
		s.stopped.Do(s.session.Stop)
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
