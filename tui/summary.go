package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// summary is the last screen: what now exists, what it costs, what one can do with it.
type summary struct {
	*app
	top int
}

func newSummary(a *app) *summary { return &summary{app: a} }

func (s *summary) Init() tea.Cmd { return nil }

func (s *summary) Keys() []binding {
	k := s.keys
	keys := []binding{k.Accept.says("finish").confirms(), k.Up, k.Down}
	if s.run.undo {
		return keys
	}
	if len(s.run.verdicts) > 0 {
		keys = append(keys, k.Back.says("proof"))
	}
	return append(keys, k.Destroy)
}

func (s *summary) Press(do action) tea.Cmd {
	switch do {
	case doAccept:
		return s.goodbye()
	case doBack:
		return s.show(newProof(s.app))
	case doDestroy:
		return s.show(newDestroy(s.app, func() tea.Cmd { return s.show(newSummary(s.app)) }))
	case doUp:
		s.top = max(0, s.top-1)
	case doDown:
		s.top++
	}
	return nil
}

func (s *summary) Update(tea.Msg) tea.Cmd { return nil }

func (s *summary) View(w, h int) []string {
	lines := s.done(w)
	if s.run.undo {
		lines = s.removed(w)
	}
	s.top = max(0, min(s.top, len(lines)-h))
	lines = lines[s.top:]
	return lines[:min(len(lines), h)]
}

func (s *summary) done(w int) []string {
	t, r := s.theme, s.run
	lines := []string{t.Good.Render("✓") + " " + t.Strong.Render("Done") + " in " + clock(r.elapsed(s.now())) + s.counts()}
	if len(r.verdicts) > 0 {
		lines = append(append(lines, ""), verdictLines(t, r.verdicts, w)...)
	}
	lines = append(lines, "")
	lines = append(lines, s.what(w)...)
	if c, ok := s.backend.Cost(s.answers); ok && !s.world.Sandbox {
		lines = append(lines, "", fmt.Sprintf("It costs about $%.2f an hour ($%.0f a month) while it exists.", c.Hourly, c.Monthly))
	}
	ns := line(s.answers.Namespace)
	lines = append(lines, "", t.Dim.Render("try it"))
	lines = append(lines, typed(t, []string{"kubectl create deployment try --image=busybox -n " + ns}, w)...)
	return append(lines, t.Dim.Render("  refused: nobody signed busybox with your key"))
}

// counts is what the run did.
func (s *summary) counts() string {
	sum := s.run.summary
	if sum == nil {
		return ""
	}
	return fmt.Sprintf(": %d made, %d as they were", sum.Created+sum.Changed, sum.Reused)
}

// what lists what is on record, by step.
func (s *summary) what(w int) []string {
	t := s.theme
	var lines []string
	for _, st := range s.run.steps {
		for _, e := range s.session.Entries() {
			if e.Step != st.ID || (e.Phase != state.Made && e.Phase != state.Found) {
				continue
			}
			sign := map[state.Phase]string{state.Made: t.Good.Render("+"), state.Found: t.Accent.Render("=")}[e.Phase]
			lines = append(lines, fit(sign+" "+pad(line(st.Title), 18)+" "+line(e.Name), w))
			if link := s.session.Link(e); link != "" {
				lines = append(lines, fit("  "+spaces(19)+t.Code.Render(line(link)), w))
			}
		}
	}
	if len(lines) > 0 {
		lines = append([]string{t.Dim.Render("what there is now  (+ made by this setup, = was there before)")}, lines...)
	}
	return lines
}

// removed is the end of a destroy.
func (s *summary) removed(w int) []string {
	t, r := s.theme, s.run
	lines := []string{t.Good.Render("✓") + " " + t.Strong.Render("Removed") + " in " + clock(r.elapsed(s.now())), ""}
	for i := range r.steps {
		st := &r.steps[i]
		if st.status == engine.Undone {
			lines = append(lines, fit(t.phase(st.status).String()+" "+line(st.Title), w))
		}
	}
	return lines
}
