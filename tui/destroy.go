package tui

import (
	"context"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
)

// destroy shows what would be removed and what would stay, and takes the
// setup's name, typed, as the confirmation.
type destroy struct {
	*app
	ready    bool
	removals []Removal
	problem  *problem.Problem
	input    textinput.Model
	top      int            // first line on screen
	back     func() tea.Cmd // where one came from
	half     bool           // it goes on with a removal that was cut off
}

type removals struct {
	all []Removal
	err error
}

func newDestroy(a *app, back func() tea.Cmd) *destroy {
	s := &destroy{app: a, input: newInput(), back: back}
	s.input.Placeholder = a.session.Name()
	return s
}

// goOnRemoving asks whether to go on with a removal that was cut off. The plan, which
// would make it all again, is behind it.
func (a *app) goOnRemoving() tea.Cmd {
	a.half = false
	d := newDestroy(a, a.replan)
	d.half = true
	return a.show(d)
}

func (s *destroy) typing() bool { return true }

func (s *destroy) Init() tea.Cmd {
	session := s.session
	return s.do(func(ctx context.Context) tea.Msg {
		all, err := session.Removals(ctx)
		return removals{all, err}
	})
}

func (s *destroy) Update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(removals); ok {
		s.ready, s.removals, s.problem = true, m.all, asProblem(m.err)
		return nil
	}
	var cmd tea.Cmd
	s.input, cmd = typeInto(s.input, msg)
	return cmd
}

func (s *destroy) Keys() []binding {
	k := s.keys
	accept := k.Accept.says("remove it")
	accept.Danger = true
	switch {
	case !s.ready:
		accept.Off = "still looking"
	case s.problem != nil:
		accept.Off = "it is not known what would be removed"
	case s.input.Value() != s.session.Name():
		accept.Off = "type the setup's name: " + line(s.session.Name())
	}
	back := k.Back
	if s.half {
		back.Words = "make it again"
	}
	return []binding{accept, back, k.Up, k.Down.says("scroll"), k.PageUp, k.PageDown}
}

func (s *destroy) Press(do action) tea.Cmd {
	switch do {
	case doBack:
		return s.back()
	case doAccept:
		return s.destroyIt()
	}
	s.top = max(0, s.top+map[action]int{doUp: -1, doDown: 1, doPageUp: -10, doPageDown: 10}[do])
	return nil
}

func (s *destroy) View(w, h int) []string {
	t := s.theme
	lines := []string{t.Risk.Render("! Destroy ") + t.Strong.Render(line(s.session.Name()))}
	keeps := "to remove it; esc keeps it."
	if s.half {
		lines[0] = fit(lines[0]+t.Dim.Render("  its removal was begun and did not end"), w)
		keeps = "to go on removing it; esc: the plan to make it again."
	}
	foot := []string{"", "Type " + t.Strong.Render(line(s.session.Name())) + " and press enter " + keeps,
		t.Risk.Render("›") + " " + s.input.View()}
	s.input.SetWidth(max(1, w-4))
	var body []string
	switch {
	case !s.ready:
		body = []string{t.Accent.Render("●") + " looking at what this setup made …"}
	case s.problem != nil:
		body = s.trouble(s.problem, w)
	}
	body = append(body, s.listed(w)...)
	room := max(1, h-len(lines)-len(foot))
	s.top = max(0, min(s.top, len(body)-room))
	body = body[s.top:]
	if len(body) > room {
		body = append(body[:room-1:room-1], t.Dim.Render("  … "+plural(len(body)-room+1, "more line")+": ↓"))
	}
	return append(append(lines, body...), foot...)
}

// kept is what stays for one reason.
type kept struct {
	why   string
	names []string
}

// parted tells what goes from what stays; what stays for the same reason stands together.
func parted(all []Removal) (goes []Removal, stays []kept) {
	for _, r := range all {
		r.Name, r.Why = line(r.Name), line(r.Why)
		if !r.Keep {
			goes = append(goes, r)
			continue
		}
		i := slices.IndexFunc(stays, func(k kept) bool { return k.why == r.Why })
		if i < 0 {
			i, stays = len(stays), append(stays, kept{why: r.Why})
		}
		stays[i].names = append(stays[i].names, r.Name)
	}
	return goes, stays
}

// listed is what goes, then what stays.
func (s *destroy) listed(w int) []string {
	t := s.theme
	goes, stays := parted(s.removals)
	var lines []string
	for _, r := range goes {
		l := t.Risk.Render("-") + " remove " + r.Name
		if r.Why != "" {
			l += t.Dim.Render("  " + r.Why)
		}
		lines = append(lines, fit(l, w))
	}
	for _, k := range stays {
		lines = append(lines, indentFirst(t.Good.Render("=")+" keep   ", spaces(9), wrap(strings.Join(k.names, ", "), w-9))...)
		for _, l := range wrap(k.why, w-11) {
			lines = append(lines, spaces(11)+t.Dim.Render(l))
		}
	}
	return lines
}
