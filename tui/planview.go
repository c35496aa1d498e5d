package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// planView is the plan to confirm: what each step would do, what stands in the
// way, and on demand what a person would type instead.
type planView struct {
	*app
	ready    bool
	problem  *problem.Problem
	cursor   int
	commands bool
}

func newPlanView(a *app) *planView { return &planView{app: a} }

func (s *planView) Init() tea.Cmd { return nil }

func (s *planView) Update(msg tea.Msg) tea.Cmd {
	m, ok := msg.(opened)
	if !ok {
		return nil
	}
	s.ready, s.problem = true, asProblem(m.err)
	return s.ask()
}

func (s *planView) Keys() []binding {
	k := s.keys
	switch {
	case !s.ready:
		return nil
	case s.problem != nil:
		return []binding{k.Retry, k.Back}
	}
	run := k.Accept.says("make it so").confirms()
	var keys []binding
	switch n := s.plan.Counts(); {
	case n[engine.Blocked] > 0:
		keys = append(keys, k.Retry.says("look again"), run.off("a step is blocked; see what to try"))
	case s.plan.Clean():
		keys = append(keys, run.says("check it with the proof"))
	case len(s.plan.Drift()) > 0:
		keys = append(keys, run.says("go on, keep the changes made by hand"), k.Overwrite)
	default:
		keys = append(keys, run)
	}
	keys = append(keys, k.Up, k.Down, k.Commands, k.Copy, k.Change, k.Back)
	if len(s.session.Entries()) > 0 {
		keys = append(keys, k.Destroy)
	}
	return keys
}

func (s *planView) Press(do action) tea.Cmd {
	switch do {
	case doUp:
		s.cursor = max(0, s.cursor-1)
	case doDown:
		s.cursor = min(len(s.plan.Steps)-1, s.cursor+1)
	case doCommands:
		s.commands = !s.commands
	case doCopy:
		return s.copy(strings.Join(s.session.Commands(s.plan.Steps[s.cursor].ID), "\n"), "command")
	case doRetry:
		if s.session != nil {
			return s.replan()
		}
		return s.show(newWelcome(s.app))
	case doChange:
		return s.change()
	case doBack:
		return tea.Sequence(s.forget(), s.show(newWelcome(s.app)))
	case doAccept:
		return s.carryOut(false)
	case doDestroy:
		return s.show(newDestroy(s.app, s.replan))
	case doOver:
		return s.carryOut(true)
	}
	return nil
}

func (s *planView) View(w, h int) []string {
	t := s.theme
	switch {
	case !s.ready:
		return []string{t.Accent.Render("●") + " looking at what is there …", "", t.Dim.Render("  This changes nothing.")}
	case s.problem != nil:
		return s.trouble(s.problem, min(w, 90))
	}
	foot := s.foot(w)
	foot = foot[:min(len(foot), max(2, h/2))]
	lines := []string{t.Strong.Render("The plan") + t.Dim.Render("  nothing has been changed yet")}
	room := max(1, h-len(lines)-len(foot))
	if s.commands {
		return append(append(lines, s.detail(w, room)...), foot...)
	}
	list := s.list(w)
	top := max(0, min(s.cursor-room/2, len(list)-room))
	return append(append(lines, list[top:min(len(list), top+room)]...), foot...)
}

func (s *planView) list(w int) []string {
	t := s.theme
	lines := make([]string, 0, len(s.plan.Steps))
	for i, p := range s.plan.Steps {
		m := t.action(p.Change.Action)
		text := p.Change.Summary
		if text == "" || text == p.Title {
			text = m.Word
		}
		lines = append(lines, fit(pointer(t, i == s.cursor)+m.String()+" "+pad(line(p.Title), 18)+" "+line(text), w))
	}
	return lines
}

// detail is the step under the cursor: why it is there, and what one would type.
func (s *planView) detail(w, h int) []string {
	t, p := s.theme, s.plan.Steps[s.cursor]
	lines := []string{t.action(p.Change.Action).String() + " " + t.Strong.Render(line(p.Title)) + "  " + t.action(p.Change.Action).Word}
	lines = append(lines, indent("  ", wrap(line(p.Why), w-2))...)
	lines = append(lines, typed(t, s.session.Commands(p.ID), w)...)
	return lines[:min(len(lines), h)]
}

// foot is the plan in a line, the differences it would revert, and what blocks it.
func (s *planView) foot(w int) []string {
	t := s.theme
	lines := []string{"", s.counts()}
	if c, ok := s.backend.Cost(s.answers); ok {
		price := fmt.Sprintf("about $%.2f an hour while it exists", c.Hourly)
		if s.world.Sandbox {
			price = "costs nothing here; " + fmt.Sprintf("on Google Cloud about $%.2f an hour", c.Hourly)
		}
		lines = append(lines, t.Dim.Render(price))
	}
	for _, p := range s.plan.Drift() {
		lines = append(lines, t.Warn.Render("~ "+line(p.Title))+" was changed by hand: "+
			line(strings.Join(p.Change.Before, ", "))+" → "+line(strings.Join(p.Change.After, ", ")))
	}
	for _, p := range s.plan.Blocked() {
		lines = append(lines, s.trouble(p, w)...)
	}
	return lines
}

// counts is the plan in a line, each sign explained that the list uses.
func (s *planView) counts() string {
	t, n := s.theme, s.plan.Counts()
	if s.plan.Clean() {
		return t.Good.Render("✓") + " No changes: everything is as wanted."
	}
	var parts []string
	for _, a := range []engine.Action{engine.Create, engine.Update, engine.Reuse, engine.None, engine.Blocked} {
		if n[a] > 0 {
			m := t.action(a)
			parts = append(parts, fmt.Sprintf("%s %d %s", m, n[a], m.Word))
		}
	}
	return strings.Join(parts, "   ")
}
