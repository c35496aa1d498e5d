package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts are Ctrl+C and the like. The first asks whatever runs to stop softly,
// or ends it where it knows no soft way; the second ends it; the third is the system's.
// A terminal that goes away takes along whoever could have asked a second time: it
// ends what runs at once. What was begun is on record, and the next run goes on with it.
type interrupts struct {
	mu      sync.Mutex
	soft    func()
	hard    context.CancelFunc
	signals chan os.Signal
}

// watch turns signals into that, until done is called.
func (a *app) watch(ctx context.Context) (watched context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 4)
	a.interrupts.hard, a.interrupts.signals = cancel, signals
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	gone := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case s := <-signals:
				if n > 0 || s == syscall.SIGHUP || !a.interrupts.ask() {
					signal.Stop(signals)
					cancel()
				}
			case <-gone:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(gone)
		cancel()
	}
}

// ask runs the soft way, if there is one.
func (i *interrupts) ask() bool {
	i.mu.Lock()
	soft := i.soft
	i.mu.Unlock()
	if soft == nil {
		return false
	}
	soft()
	return true
}

// hangups has the end of the terminal end what lives by it, even below nohup: it would
// go on for ever, and hold its setup, with nobody to talk to.
func (i *interrupts) hangups() { signal.Notify(i.signals, syscall.SIGHUP) }

// softly sets how the first signal is met, until the function it returns is called.
func (i *interrupts) softly(f func()) (before func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.soft = f
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.soft = nil
	}
}

// stopSoftly has the first signal stop a session's run.
func (a *app) stopSoftly(s *session) (before func()) {
	return a.interrupts.softly(func() {
		fmt.Fprintln(a.Err, "signgate: stopping: what is under way may end, nothing new starts; again to stop now")
		s.Stop()
	})
}
