package tui

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
)

// preflight looks at what a setup needs before it begins: sign-in, project,
// billing, APIs, permissions. It changes nothing; each line turns from running to
// how it ended, with what to do about it.
type preflight struct {
	*app
	by      Preflighter
	checks  []Check
	reports chan Check
	done    bool
	problem *problem.Problem
	cursor  int // in what failed
}

// Answers of its commands.
type (
	checked  struct{ check Check }
	preheard struct{ err error }
)

func newPreflight(a *app, by Preflighter) *preflight { return &preflight{app: a, by: by} }

func (s *preflight) Init() tea.Cmd {
	s.checks, s.done, s.problem, s.cursor = nil, false, nil, 0
	reports := make(chan Check, 1024)
	s.reports = reports
	answers := s.answers
	return tea.Batch(s.do(func(ctx context.Context) tea.Msg {
		defer close(reports)
		return preheard{s.by.Preflight(ctx, answers, func(c Check) {
			select {
			case reports <- c:
			case <-ctx.Done():
			}
		})}
	}), s.listen())
}

func (s *preflight) listen() tea.Cmd {
	reports := s.reports
	return s.do(func(context.Context) tea.Msg {
		c, open := <-reports
		if !open {
			return nil
		}
		return checked{c}
	})
}

func (s *preflight) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case checked:
		s.note(msg.check)
		return s.listen()
	case preheard:
		s.done, s.problem = true, asProblem(msg.err)
	}
	return nil
}

// note takes a report in; one of the same id replaces the one before it.
func (s *preflight) note(c Check) {
	for i := range s.checks {
		if s.checks[i].ID == c.ID {
			s.checks[i] = c
			return
		}
	}
	s.checks = append(s.checks, c)
}

// failed lists what did not pass, one for each fix.
func (s *preflight) failed() []Check {
	var all []Check
	seen := map[string]bool{}
	for _, c := range s.checks {
		if c.State != CheckFail || c.Problem == nil {
			continue
		}
		if key := c.Problem.ID + "\x00" + c.Problem.Fix; !seen[key] {
			seen[key] = true
			all = append(all, c)
		}
	}
	return all
}

func (s *preflight) Keys() []binding {
	k := s.keys
	accept := k.Accept
	failed := s.failed()
	switch {
	case !s.done:
		accept.Off = "still looking"
	case s.problem != nil, len(failed) > 0:
		accept.Words = "go on all the same"
	}
	again := k.Retry.says("look again")
	if !s.done {
		again.Off = "still looking"
	}
	keys := []binding{accept, again}
	if len(failed) > 0 {
		keys = append(keys, k.Copy.says("copy the fix"))
		if len(failed) > 1 {
			keys = append(keys, k.Up, k.Down)
		}
		keys = s.unfolds(keys, failed[s.cursor].Problem)
	}
	return append(keys, k.Back)
}

func (s *preflight) Press(do action) tea.Cmd {
	failed := s.failed()
	switch do {
	case doAccept:
		return s.toRegions()
	case doRetry:
		s.visit++ // what is still under way is not waited for
		return s.Init()
	case doBack:
		return s.toProjects()
	case doUp:
		s.cursor = max(0, s.cursor-1)
	case doDown:
		s.cursor = max(0, min(len(failed)-1, s.cursor+1))
	case doCopy:
		return s.copy(commandIn(failed[s.cursor].Problem.Fix), "fix")
	}
	return nil
}

// commandIn is the command that a fix names, or all of the fix.
func commandIn(fix string) string {
	at := -1
	for _, program := range []string{"gcloud ", "kubectl ", "helm ", "signgate "} {
		if i := strings.Index(fix, program); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return line(fix)
	}
	command, _, _ := strings.Cut(fix[at:], "\n")
	command, _, _ = strings.Cut(command, "; ")
	return line(command)
}

func (s *preflight) View(w, h int) []string {
	t := s.theme
	lines := []string{t.Strong.Render("Is everything there?") + t.Dim.Render("  looking changes nothing"), ""}
	if h <= 10 {
		lines = lines[:1]
	}
	var body []string
	focus := 0
	for _, g := range groups(s.checks) {
		body = append(body, g.rows(t, w)...)
	}
	if s.problem != nil {
		body = append(append(body, ""), s.trouble(s.problem, w)...)
	}
	for i, c := range s.failed() {
		body = append(body, "")
		if i == s.cursor {
			focus = len(body)
		}
		body = append(body, indentFirst(pointer(t, i == s.cursor && len(s.failed()) > 1), "  ", s.trouble(c.Problem, w-2))...)
	}
	if !s.done && len(body) == 0 {
		body = []string{t.Accent.Render("●") + " looking …"}
	}
	room := max(1, h-len(lines))
	top := 0
	if focus > room-6 {
		top = max(0, min(focus-1, len(body)-room))
	}
	body = body[top:]
	return append(lines, body[:min(len(body), room)]...)
}

// checkGroup is checks that are one line as long as they say the same.
type checkGroup struct {
	name   string
	checks []Check
}

// groups puts checks under what they are about, in the order of their first.
func groups(all []Check) []checkGroup {
	var out []checkGroup
	index := map[string]int{}
	for _, c := range all {
		name := c.Group
		i, ok := index[name]
		if !ok {
			i = len(out)
			index[name] = i
			out = append(out, checkGroup{name: name})
		}
		out[i].checks = append(out[i].checks, c)
	}
	return out
}

// many is from how many checks on a group is a line that counts them.
const many = 4

// rows draws a group: each of its checks, or, where there are many, how many passed.
func (g checkGroup) rows(t theme, w int) []string {
	if len(g.checks) < many {
		var rows []string
		for _, c := range g.checks {
			rows = append(rows, checkRow(t, t.check(c.State), c.Title, c.Detail, w))
		}
		return rows
	}
	count := map[CheckState]int{}
	for _, c := range g.checks {
		count[c.State]++
	}
	worst := CheckPass
	for _, s := range []CheckState{CheckUnknown, CheckRunning, CheckFail} {
		if count[s] > 0 {
			worst = s
		}
	}
	text := fmt.Sprintf("%d of %d", count[CheckPass], len(g.checks))
	if n := count[CheckFail]; n > 0 {
		text += fmt.Sprintf(", %d missing", n)
	}
	if n := count[CheckUnknown]; n > 0 {
		text += fmt.Sprintf(", %d that nobody can tell", n)
	}
	return []string{checkRow(t, t.check(worst), g.name, text, w)}
}

func checkRow(t theme, m mark, title, detail string, w int) string {
	text := line(detail)
	if text == "" {
		text = m.Word
	}
	return fit(m.String()+" "+pad(line(title), min(28, w/2))+" "+t.Dim.Render(text), w)
}
