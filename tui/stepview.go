package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// page is the step that is looked at, in full: how it stands, what it is for,
// what one would type, what it made, and its log. It scrolls.
func (s *runView) page(w, h int) []string {
	t, st := s.theme, &s.run.steps[s.at()]
	w = max(w, 10)
	lines := s.head(st, w)
	lines = append(lines, stack(t, w, 10_000, s.lesson(st, min(w, 90)), s.commands(st, w), s.made(st, w), s.tail(st, w, max(6, h/3)))...)
	s.scroll = max(0, min(s.scroll, len(lines)-h))
	lines = lines[s.scroll:]
	if len(lines) > h {
		lines = append(lines[:h-1:h-1], t.Dim.Render(fmt.Sprintf("… %d more lines: pgdn", len(lines)-h+1)))
	}
	return lines
}

// pane is the same beside the list: as much of each part as there is room for.
func (s *runView) pane(w, h int) []string {
	st := &s.run.steps[s.at()]
	head := s.head(st, w)
	head = head[:min(len(head), h)]
	parts := []section{s.lesson(st, w), s.commands(st, w), s.made(st, w)}
	room := h - len(head) - 1 // for the log: what the others leave, and some lines in any case
	for _, p := range parts {
		room -= p.height() + 1
	}
	return append(head, stack(s.theme, w, h-len(head), append(parts, s.tail(st, w, max(4, room)))...)...)
}

// about3 is the middle of three panes: what the step is, and what it made.
func (s *runView) about3(w, h int) []string {
	st := &s.run.steps[s.at()]
	head := s.head(st, w)
	head = head[:min(len(head), h)]
	return append(head, stack(s.theme, w, h-len(head), s.lesson(st, w), s.made(st, w))...)
}

// byHand is the right of three panes: what one would type, and the whole log.
func (s *runView) byHand(w, h int) []string {
	log := section{title: "log", least: 3, tail: true}
	for _, l := range s.run.log.window(h, 0) {
		log.lines = append(log.lines, l.draw(s.theme, w))
	}
	return stack(s.theme, w, h, s.commands(&s.run.steps[s.at()], w), log)
}

// head is the step's name, how it stands, what went wrong and what was judged.
func (s *runView) head(st *stepRun, w int) []string {
	t := s.theme
	m := st.mark(t)
	word := m.Word
	if st.status == engine.Started {
		word = st.doing()
	}
	lines := []string{fit(m.String()+" "+t.Strong.Render(line(st.Title))+"  "+t.Dim.Render(word), w), ""}
	if st.problem != nil {
		lines = append(append(lines, s.trouble(st.problem, w)...), "")
	}
	if st.ID == "proof" && len(s.run.verdicts) > 0 {
		lines = append(append(lines, verdictLines(t, s.run.verdicts, w)...), "")
	}
	return lines
}

// lesson is the step's lesson, or the one sentence that it says of itself. What
// it says of commands stands with the commands, where the step tells them.
func (s *runView) lesson(st *stepRun, w int) section {
	text := assets.Lesson(st.ID)
	if text == "" {
		return section{lines: wrap(line(st.Why), w), least: 3}
	}
	if len(s.session.Commands(st.ID)) > 0 {
		text, _, _ = strings.Cut(text, "**By hand:**")
	}
	return section{lines: s.drawn(text, w), least: 4}
}

// commands are what one would type.
func (s *runView) commands(st *stepRun, w int) section {
	return section{title: "by hand", lines: typed(s.theme, s.session.Commands(st.ID), w), least: 3}
}

// typed draws commands; long ones go on under themselves.
func typed(t theme, commands []string, w int) []string {
	var lines []string
	for _, c := range commands {
		lines = append(lines, hung(t.Dim.Render("  $"), 4, clean(c), t.Code, w)...)
	}
	return lines
}

// made is what is on record of the step, with its page in the cloud console.
func (s *runView) made(st *stepRun, w int) section {
	t := s.theme
	var lines []string
	for _, e := range s.session.Entries() {
		if e.Step != st.ID || (e.Phase != state.Made && e.Phase != state.Found) {
			continue
		}
		sign := map[state.Phase]string{state.Made: t.Good.Render("+"), state.Found: t.Accent.Render("=")}[e.Phase]
		lines = append(lines, "  "+sign+" "+fit(line(s.session.Describe(e)), w-4))
		if link := s.session.Link(e); link != "" {
			lines = append(lines, fit("    "+t.Code.Render(line(link)), w))
		}
	}
	return section{title: "on record  (+ made, = was there)", lines: lines, least: 2}
}

// tail is the end of the step's log.
func (s *runView) tail(st *stepRun, w, n int) section {
	log := section{title: "log", least: 3, tail: true}
	for _, l := range s.run.log.of(st.ID, n) {
		log.lines = append(log.lines, l.brief(s.theme, w))
	}
	return log
}

// logPage is the log, with its search.
func (s *runView) logPage(w, h int) []string {
	t, b := s.theme, &s.run.log
	head := t.Strong.Render("Log") + t.Dim.Render("  "+plural(b.found(), "line"))
	if s.query != "" || s.finding {
		head += "  " + t.Accent.Render("/") + s.query
		if s.finding {
			head += t.Accent.Render("▏")
		}
	}
	if s.below() > 0 {
		head += t.Dim.Render(fmt.Sprintf("  %d below", s.below()))
	}
	lines := []string{fit(head, w)}
	for _, l := range b.window(h-1, s.below()) {
		lines = append(lines, l.draw(t, w))
	}
	return lines
}

// verdictLines are the verdicts as a list: one case a line, its reason below.
func verdictLines(t theme, all []engine.Verdict, w int) []string {
	var lines []string
	all = slices.SortedStableFunc(slices.Values(all), func(a, b engine.Verdict) int {
		return slices.Index(engine.Cases(), a.Case) - slices.Index(engine.Cases(), b.Case)
	})
	for _, v := range all {
		m := t.verdict(v)
		lines = append(lines, fit(m.String()+" "+pad(caseTitle(v.Case), 30)+" "+m.Style.Render(m.Word), w))
	}
	return lines
}

// caseTitle is a case of the proof as one would say it.
func caseTitle(c string) string {
	switch c {
	case engine.CaseUnsignedPublic:
		return "an unsigned public image"
	case engine.CaseUnsignedPrivate:
		return "an unsigned image of your own"
	case engine.CaseWrongKey:
		return "an image signed by another key"
	case engine.CaseSigned:
		return "the image you signed"
	}
	return line(c)
}
