package tui

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// locked is the screen of a setup that another process works on: it says which one,
// and offers to watch it.
type locked struct {
	*app
	by *state.LockedError
}

// lockedBy finds out of an error which process works on a setup that can be watched.
func (a *app) lockedBy(err error) (*state.LockedError, bool) {
	var by *state.LockedError
	if _, ok := a.backend.(Watcher); !ok || !errors.As(err, &by) {
		return nil, false
	}
	return by, true
}

func (s *locked) Init() tea.Cmd { return nil }

func (s *locked) Update(tea.Msg) tea.Cmd { return nil }

func (s *locked) Keys() []binding {
	return []binding{s.keys.Accept.says("watch it, read-only").confirms(), s.keys.Retry, s.keys.Back}
}

func (s *locked) Press(do action) tea.Cmd {
	switch do {
	case doAccept:
		return s.watch(s.by)
	case doRetry:
		return s.resume(s.by.Name, nil)
	case doBack:
		return tea.Sequence(s.forget(), s.toWelcome())
	}
	return nil
}

func (s *locked) View(w, h int) []string {
	t := s.theme
	lines := indentFirst(t.Warn.Render("! "), "  ", wrap(line(s.by.Error()), min(w, 78)-2))
	lines = append(lines, "")
	lines = append(lines, indent("  ", wrap("Two at once would undo each other's work, so only one of them may. You can watch here what the other one "+
		"does, and open the setup yourself once it has let go.", min(w, 78)-2))...)
	return lines[:min(len(lines), h)]
}

// watch follows what another process does with a setup.
func (a *app) watch(by *state.LockedError) tea.Cmd {
	w := a.backend.(Watcher)
	a.watched = by
	return a.open(func(ctx context.Context) (Session, error) { return w.Watch(ctx, by.Name) })
}

// reopen tries to take over the setup that was watched.
func (a *app) reopen() tea.Cmd {
	name, undo := a.watched.Name, a.run != nil && a.run.undo
	free := a.forget()
	a.half = undo
	return tea.Sequence(free, a.resume(name, nil))
}

// watchedBy is who is watched, for the header.
func (a *app) watchedBy() string {
	switch {
	case a.watched == nil:
		return ""
	case a.watched.PID == 0:
		return "watching another signgate"
	}
	return fmt.Sprintf("watching process %d", a.watched.PID)
}

// readOnly switches off what would change a setup that is only watched.
func (a *app) readOnly(b binding) binding {
	if a.watched == nil {
		return b
	}
	switch b.Do {
	case doPause, doMode, doChange, doSkip, doDestroy, doOver:
		return b.off("you only watch this setup")
	case doRetry:
		if a.run != nil && a.run.active() {
			return b.off("the other one still works on it")
		}
		return b.says("open it")
	}
	return b
}

// renew begins a run anew that is watched: the other process has started one.
func (r *run) renew(ev engine.Event) {
	if ev.Plan == nil || len(ev.Plan.Steps) == 0 {
		return
	}
	log, began := r.log, r.began
	if !ev.Time.IsZero() {
		began = ev.Time
	}
	*r = *newRun(*ev.Plan, nil, began)
	r.log, r.undo = log, ev.Text == "destroy"
}
