package tui

import (
	"fmt"
	"strings"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// page is the step that is looked at: how it stands, what it is for, what one
// would type, what it made, and its log.
func (s *runView) page(w, h int) []string {
	t, st := s.theme, &s.run.steps[s.at()]
	w = max(w, 10)
	m := t.phase(st.status)
	lines := []string{m.String() + " " + t.Strong.Render(line(st.Title)) + "  " + t.Dim.Render(m.Word)}
	if st.status == engine.Started {
		lines = append(lines, "  "+s.doing(st))
	}
	if st.problem != nil {
		lines = append(append(lines, ""), s.trouble(st.problem, w)...)
	}
	if st.ID == "proof" && len(s.run.verdicts) > 0 {
		lines = append(append(lines, ""), verdictLines(t, s.run.verdicts, w)...)
	}
	lines = append(append(lines, ""), s.lesson(st, w)...)
	if commands := s.session.Commands(st.ID); len(commands) > 0 {
		lines = append(lines, "", t.Dim.Render("by hand"))
		lines = append(lines, typed(t, commands, w)...)
	}
	lines = append(lines, s.made(st, w)...)
	if w+2 < threePanes-54 {
		lines = append(lines, s.tail(st, w, h)...)
	}
	s.scroll = max(0, min(s.scroll, len(lines)-h))
	lines = lines[s.scroll:]
	return lines[:min(len(lines), h)]
}

// lesson is the step's lesson, or the one sentence that it says of itself.
func (s *runView) lesson(st *stepRun, w int) []string {
	if text := assets.Lesson(st.ID); text != "" {
		return s.drawn(text, w)
	}
	return wrap(line(st.Why), w)
}

// typed draws commands; long ones go on under themselves.
func typed(t theme, commands []string, w int) []string {
	var lines []string
	for _, c := range commands {
		for i, l := range wrap(clean(c), w-4) {
			lines = append(lines, t.Dim.Render([]string{"  $ ", "    "}[min(i, 1)])+t.Code.Render(l))
		}
	}
	return lines
}

// made is what is on record of the step, with its page in the cloud console.
func (s *runView) made(st *stepRun, w int) []string {
	t := s.theme
	var lines []string
	for _, e := range s.session.Entries() {
		if e.Step != st.ID || (e.Phase != state.Made && e.Phase != state.Found) {
			continue
		}
		if lines == nil {
			lines = []string{"", t.Dim.Render("on record")}
		}
		how := map[state.Phase]string{state.Made: "+ made  ", state.Found: "= found "}[e.Phase]
		lines = append(lines, fit("  "+how+line(e.Name), w))
		if link := s.session.Link(e); link != "" {
			lines = append(lines, fit("    "+t.Code.Render(line(link)), w))
		}
	}
	return lines
}

// tail is the end of the step's log.
func (s *runView) tail(st *stepRun, w, h int) []string {
	last := s.run.log.of(st.ID, max(3, h/4))
	if len(last) == 0 {
		return nil
	}
	lines := []string{"", s.theme.Dim.Render("log")}
	for _, l := range last {
		lines = append(lines, "  "+l.draw(s.theme, w-2))
	}
	return lines
}

// logPane is the end of the whole log, for the third pane.
func (s *runView) logPane(w, h int) []string {
	lines := []string{s.theme.Dim.Render("log")}
	for _, l := range s.run.log.window(h-1, 0) {
		lines = append(lines, l.draw(s.theme, w))
	}
	return lines
}

// logPage is the log, with its search.
func (s *runView) logPage(w, h int) []string {
	t, b := s.theme, &s.run.log
	head := t.Strong.Render("Log") + t.Dim.Render(fmt.Sprintf("  %d lines", b.found()))
	if s.query != "" || s.finding {
		head += "  " + t.Accent.Render("/") + s.query
		if s.finding {
			head += t.Accent.Render("▏")
		}
	}
	if s.skip > 0 {
		head += t.Dim.Render(fmt.Sprintf("  %d below", s.skip))
	}
	lines := []string{fit(head, w)}
	for _, l := range b.window(h-1, s.skip) {
		lines = append(lines, l.draw(t, w))
	}
	return lines
}

// verdictLines are the verdicts as a list: one case a line, its reason below.
func verdictLines(t theme, all []engine.Verdict, w int) []string {
	var lines []string
	for _, v := range all {
		m := t.verdict(v)
		lines = append(lines, fit(m.String()+" "+pad(caseTitle(v.Case), 30)+" "+m.Style.Render(m.Word), w))
		if reason := strings.TrimSpace(line(v.Reason)); reason != "" {
			lines = append(lines, fit("  "+t.Dim.Render("because: "+reason), w))
		}
	}
	return lines
}

// caseTitle is a case of the proof as one would say it.
func caseTitle(c string) string {
	switch c {
	case "unsigned-public":
		return "an unsigned public image"
	case "unsigned-private":
		return "an unsigned image of your own"
	case "wrong-key":
		return "an image signed by another key"
	case "signed":
		return "the image you signed"
	}
	return line(c)
}
