package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// summary is the last screen: what now exists, what it costs, what one can do with it.
type summary struct {
	*app
	top    int
	cursor int // in what one can do next
}

func newSummary(a *app) *summary { return &summary{app: a} }

func (s *summary) Init() tea.Cmd { return nil }

func (s *summary) Keys() []binding {
	k := s.keys
	keys := []binding{k.Accept.says("finish").confirms()}
	if s.run.undo {
		return append(keys, k.Up, k.Down.says("scroll"))
	}
	if len(s.next()) > 0 {
		keys = append(keys, k.Up, k.Down, k.Copy)
	}
	if len(s.run.verdicts) > 0 {
		keys = append(keys, k.Back.says("proof"))
	}
	return append(keys, k.PageUp, k.PageDown, k.Destroy)
}

func (s *summary) Press(do action) tea.Cmd {
	switch do {
	case doAccept:
		return s.goodbye()
	case doBack:
		return s.toProof()
	case doDestroy:
		return s.toDestroy(s.toSummary)
	case doCopy:
		return s.copy(s.next()[s.cursor].Command, "command")
	case doUp:
		s.move(-1)
	case doDown:
		s.move(1)
	case doPageUp:
		s.top = max(0, s.top-10)
	case doPageDown:
		s.top += 10
	}
	return nil
}

// move goes through what one can do next, or through the page where there is nothing.
func (s *summary) move(by int) {
	if n := len(s.next()); n > 0 && !s.run.undo {
		s.cursor = max(0, min(n-1, s.cursor+by))
		return
	}
	s.top = max(0, s.top+by)
}

// next is what can be done with the setup.
func (s *summary) next() []Hint {
	if g, ok := s.session.(Guide); ok {
		return g.Next()
	}
	return nil
}

func (s *summary) Update(tea.Msg) tea.Cmd { return nil }

func (s *summary) View(w, h int) []string {
	lines := s.done(w)
	if s.run.undo {
		lines = s.removed(w)
	}
	foot := s.hints(w, h)
	room := max(1, h-len(foot))
	s.top = max(0, min(s.top, len(lines)-room))
	lines = lines[s.top:]
	if len(lines) > room {
		lines = append(lines[:room-1:room-1], s.theme.Dim.Render(fmt.Sprintf("  … %d more lines: pgdn", len(lines)-room+1)))
	}
	return append(lines, foot...)
}

func (s *summary) done(w int) []string {
	t, r := s.theme, s.run
	head := t.Good.Render("✓") + " " + t.Strong.Render("Done") + " in " + clock(r.elapsed(s.now())) + s.counts()
	if left := s.leftOut(); left != "" {
		head = t.Warn.Render("!") + " " + t.Strong.Render("Done without "+left) + ": " + s.session.Resume(false) + " tries it again"
	}
	lines := []string{fit(head, w)}
	if c, ok := s.backend.Cost(s.answers); ok {
		price := fmt.Sprintf("costs about $%.2f an hour, $%.0f a month, until it is removed", c.Hourly, c.Monthly)
		if s.world.Sandbox {
			price = fmt.Sprintf("costs nothing here; on Google Cloud about $%.2f an hour", c.Hourly)
		}
		lines = append(lines, fit("  "+t.Dim.Render(price), w))
	}
	if len(r.verdicts) > 0 {
		lines = append(append(lines, ""), verdictLines(t, r.verdicts, w)...)
	}
	for _, text := range r.warnings {
		lines = append(lines, fit(t.Warn.Render("!")+" "+text, w))
	}
	return append(lines, s.what(w)...)
}

// leftOut names what failed and was left at that.
func (s *summary) leftOut() string {
	var all []string
	for i := range s.run.steps {
		if st := &s.run.steps[i]; st.status == engine.Failed || st.status == engine.Skipped {
			all = append(all, line(st.Title))
		}
	}
	return strings.Join(all, ", ")
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
			lines = append(lines, fit(sign+" "+line(s.session.Describe(e)), w))
			if link := s.session.Link(e); link != "" {
				lines = append(lines, fit("    "+t.Code.Render(line(link)), w))
			}
		}
	}
	if len(lines) > 0 {
		lines = append([]string{"", t.Dim.Render("what there is now  (+ made by this setup, = was there before)")}, lines...)
	}
	return lines
}

// hints are what one can do next, each with its command; as many as there is room for.
func (s *summary) hints(w, h int) []string {
	t, all := s.theme, s.next()
	if s.run.undo || len(all) == 0 {
		return nil
	}
	own := hung(t.Dim.Render("    $"), 6, clean(all[s.cursor].Command), t.Code, w)
	rows := max(1, min(len(all), h/2-2-len(own)))
	top := max(0, min(s.cursor-rows/2, len(all)-rows))
	lines := []string{"", t.Dim.Render("what next")}
	for i := top; i < top+rows; i++ {
		lines = append(lines, fit(pointer(t, i == s.cursor)+line(all[i].What), w))
		if i == s.cursor {
			lines = append(lines, own...)
		}
	}
	return lines[:min(len(lines), max(2, h-2))]
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
