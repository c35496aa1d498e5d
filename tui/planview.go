package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// planView is the plan to confirm: what each step would do and when, what stands
// in the way, and on demand what a person would type instead.
type planView struct {
	*app
	ready   bool
	late    bool // the look takes longer than it should
	problem *problem.Problem
	cursor  int
	detail  bool // the step under the cursor has the screen
}

// planList is how wide the list is beside the step under the cursor.
const planList = 66

func newPlanView(a *app) *planView { return &planView{app: a} }

// overdue is a look that has not ended in the time that one usually takes.
type overdue struct{}

// usual is that time.
const usual = 10 * time.Second

func (s *planView) Init() tea.Cmd { return s.later(usual, answer{s.visit, overdue{}}) }

func (s *planView) Update(msg tea.Msg) tea.Cmd {
	if _, yes := msg.(overdue); yes {
		s.late = true
		return nil
	}
	m, ok := msg.(opened)
	if !ok {
		return nil
	}
	s.ready, s.problem = true, asProblem(m.err)
	for i, p := range s.plan.Steps {
		if p.Change.Action == engine.Blocked && s.problem == nil {
			s.cursor = i
			break
		}
	}
	return s.ask()
}

func (s *planView) Keys() []binding {
	k := s.keys
	switch {
	case !s.ready:
		return []binding{k.Back}
	case s.problem != nil:
		keys := []binding{k.Retry, k.Back}
		if s.session != nil {
			keys = []binding{k.Retry, k.Change, k.Back}
		}
		return s.unfolds(keys, s.problem)
	}
	run := k.Accept.says("make it so").confirms()
	change := k.Change
	var keys []binding
	switch n := s.plan.Counts(); {
	case n[engine.Blocked] > 0:
		if path, label := s.culprit(); path != "" {
			change.Words = "change " + label
		}
		keys = append(keys, k.Retry.says("look again"), change, run.off("a step is blocked; see what to try"))
	case s.plan.Clean():
		keys = append(keys, run.says("see the proof"))
	case len(s.plan.Drift()) > 0:
		keys = append(keys, run.says("go on, keep the changes made by hand"), k.Overwrite)
	default:
		keys = append(keys, run)
	}
	more := k.Commands
	if s.detail {
		more.Words = "the plan"
	}
	keys = append(keys, s.modeKey(), k.Up, k.Down, more, k.Copy, change, k.Back)
	if len(s.session.Entries()) > 0 {
		keys = append(keys, k.Destroy)
	}
	if blocked := s.plan.Blocked(); len(blocked) > 0 {
		keys = s.unfolds(keys, blocked[0])
	}
	return keys
}

// culprit is the answer that the first blocked step asks to be changed, and its
// question's name; none where nobody is sure.
func (s *planView) culprit() (path, label string) {
	for _, p := range s.plan.Steps {
		if p.Change.Action == engine.Blocked && p.Change.Problem != nil {
			path, sure := questionOf(p.ID, p.Change.Problem.ID)
			if sure {
				return path, questionName(path)
			}
			break
		}
	}
	return "", ""
}

func (s *planView) Press(do action) tea.Cmd {
	switch do {
	case doUp:
		s.cursor = max(0, s.cursor-1)
	case doDown:
		s.cursor = max(0, min(len(s.plan.Steps)-1, s.cursor+1))
	case doCommands:
		s.detail = !s.detail
	case doCopy:
		return s.copy(strings.Join(s.session.Commands(s.plan.Steps[s.cursor].ID), "\n"), "command")
	case doMode:
		return s.teach(!s.learn)
	case doRetry:
		if s.session != nil {
			return s.replan()
		}
		return s.toWelcome()
	case doChange:
		path, _ := s.culprit()
		return s.change(path)
	case doBack:
		return tea.Sequence(s.forget(), s.toWelcome())
	case doAccept:
		return s.carryOut(false)
	case doDestroy:
		return s.toDestroy(s.replan)
	case doOver:
		return s.carryOut(true)
	}
	return nil
}

func (s *planView) View(w, h int) []string {
	t := s.theme
	switch {
	case !s.ready:
		lines := []string{t.Accent.Render("●") + " looking at what is there …", "", t.Dim.Render("  This changes nothing.")}
		if s.late {
			lines = append(append(lines, ""), indentFirst(t.Warn.Render("!")+" ", "  ", wrap(s.waiting(), min(w, 78)-2))...)
		}
		return lines[:min(len(lines), h)]
	case s.problem != nil:
		return s.trouble(s.problem, min(w, 90))
	}
	lines := []string{t.Strong.Render("The plan") + t.Dim.Render("  "+s.so())}
	if h > 16 {
		lines = append(lines, "")
	}
	if s.detail {
		return append(lines, s.step(w, h-len(lines))...)
	}
	wide := w
	if w+2 >= twoPanes {
		wide = planList
	}
	foot := s.foot(wide - 2)
	foot = foot[:min(len(foot), max(2, h/2))]
	room := max(1, h-len(lines)-len(foot))
	list := s.list(wide - 2)
	top := max(0, min(s.cursor-room/2, len(list)-room))
	lines = append(append(lines, list[top:min(len(list), top+room)]...), foot...)
	if wide == w {
		return lines
	}
	return beside(lines, append(make([]string, min(2, h)), s.step(w-wide, h-2)...), nil, wide, w-wide, h)
}

// waiting says what a look waits for that does not end.
func (s *planView) waiting() string {
	whom := "Google Cloud, or the cluster"
	if s.world.Sandbox {
		whom = "the sandbox (signgate sandbox status tells whether it is up)"
	}
	return "Still waiting for an answer of " + whom + ". A call that gets none is made again for a while."
}

// so says what was changed before this plan is carried out.
func (s *planView) so() string {
	if slices.ContainsFunc(s.session.Entries(), state.Entry.Ours) {
		return "it goes on from what was made before"
	}
	return "nothing has been changed yet"
}

// list is every step: what would be done, how long it takes and when.
func (s *planView) list(w int) []string {
	t := s.theme
	est, _ := s.session.(Estimator)
	slots, whole, known := schedule(s.plan, est)
	chart := 0
	if w >= 60 {
		chart = 14
	}
	lines := make([]string, 0, len(s.plan.Steps))
	for i, p := range s.plan.Steps {
		m := t.action(p.Change.Action)
		title, text := line(p.Title), line(p.Change.Summary)
		if i == s.cursor {
			title = t.Strong.Render(title)
		}
		if short := line(s.session.Result(p.ID)); short != "" && p.Change.Action != engine.Update && p.Change.Action != engine.Blocked {
			text = short
		}
		if text = untitled(line(p.Title), text); text == "" {
			text = m.Word
		}
		l := pointer(t, i == s.cursor) + m.String() + " " + pad(title, 18) + " "
		right := ""
		if chart > 0 {
			if known {
				right += fmt.Sprintf(" %4s", slots[i].brief())
			}
			right = t.Dim.Render(right) + " " + slots[i].draw(t, whole, chart)
		}
		lines = append(lines, l+pad(text, max(0, w-23-width(right)))+right)
	}
	return lines
}

// step is the step under the cursor: what would be done, what it is for, and what
// one would type.
func (s *planView) step(w, h int) []string {
	t, p := s.theme, s.plan.Steps[s.cursor]
	m := t.action(p.Change.Action)
	head := section{lines: []string{fit(m.String()+" "+t.Strong.Render(line(p.Title))+"  "+t.Dim.Render(m.Word), w)}, least: 1}
	if text := line(p.Change.Summary); !strings.EqualFold(text, line(p.Title)) {
		head.lines = append(head.lines, wrap(text, w)...)
	}
	why := section{lines: wrap(line(p.Why), w), least: 1}
	hand := section{title: "by hand", lines: typed(t, s.session.Commands(p.ID), w), least: 3}
	return stack(t, w, h, head, s.difference(p.Change, w), why, hand)
}

// difference is what would be another after a change.
func (s *planView) difference(c engine.Change, w int) section {
	var lines []string
	for _, text := range c.Before {
		lines = append(lines, fit(s.theme.Risk.Render("-")+" "+line(text), w))
	}
	for _, text := range c.After {
		lines = append(lines, fit(s.theme.Good.Render("+")+" "+line(text), w))
	}
	return section{lines: lines, least: 2}
}

// foot is the plan in a line, the differences it would revert, and what blocks it.
func (s *planView) foot(w int) []string {
	t := s.theme
	lines := []string{"", fit(s.counts(), w)}
	if about := s.takes(); about != "" {
		lines = append(lines, fit(t.Dim.Render(about), w))
	}
	for _, p := range s.plan.Drift() {
		text := line(p.Title) + " was changed by hand: " + line(strings.Join(p.Change.Before, ", ")) + " → " + line(strings.Join(p.Change.After, ", "))
		lines = append(lines, indentFirst(t.Warn.Render("~")+" ", "  ", wrap(text, w-2))...)
	}
	for _, p := range s.plan.Warnings {
		text := line(p.What)
		if p.Fix != "" {
			text += ": " + line(p.Fix)
		}
		lines = append(lines, indentFirst(t.Warn.Render("!")+" ", "  ", wrap(text, w-2))...)
	}
	for _, p := range s.plan.Blocked() {
		lines = append(append(lines, ""), s.trouble(p, w)...)
	}
	return lines
}

// takes is what the plan takes and costs, and how it would run.
func (s *planView) takes() string {
	var parts []string
	est, _ := s.session.(Estimator)
	if _, whole, known := schedule(s.plan, est); known && whole > 0 {
		parts = append(parts, about(whole))
	}
	if c, ok := s.backend.Cost(s.answers); ok {
		price := fmt.Sprintf("about $%.2f an hour while it exists", c.Hourly)
		if s.world.Sandbox {
			price = fmt.Sprintf("free here ($%.2f an hour on Google Cloud)", c.Hourly)
		}
		parts = append(parts, price)
	}
	if s.learn {
		parts = append(parts, "learn mode: stops before each step")
	}
	return strings.Join(parts, " · ")
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
