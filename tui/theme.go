package tui

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/signgate/signgate/internal/engine"
)

// theme is every colour and sign there is. It uses the terminal's own sixteen
// colours and no background, so it follows a light or a dark terminal without
// asking it; a sign or a word always says what a colour says.
type theme struct {
	Title  ink // our name
	Strong ink // what one looks for
	Dim    ink // what one may skip
	Accent ink // where one is
	Good   ink
	Warn   ink
	Risk   ink
	Code   ink // what one could type
}

func newTheme() theme {
	s := lipgloss.NewStyle()
	return theme{
		Title:  dip(s.Bold(true).Foreground(lipgloss.Cyan)),
		Strong: dip(s.Bold(true)),
		Dim:    dip(faint()),
		Accent: dip(s.Foreground(lipgloss.Cyan)),
		Good:   dip(s.Foreground(lipgloss.Green)),
		Warn:   dip(s.Foreground(lipgloss.Yellow)),
		Risk:   dip(s.Bold(true).Foreground(lipgloss.Red)),
		Code:   dip(s.Foreground(lipgloss.Blue)),
	}
}

func faint() lipgloss.Style { return lipgloss.NewStyle().Faint(true) }

// ink is a style of nothing but colour and weight. A frame has hundreds of inked
// words, and lipgloss works out borders and margins for each: its sequences are
// asked for once.
type ink struct{ on, off string }

func dip(s lipgloss.Style) ink {
	on, off, _ := strings.Cut(s.Render("x"), "x")
	return ink{on, off}
}

// Render inks a text. What is empty stays so.
func (i ink) Render(text ...string) string {
	s := strings.Join(text, " ")
	if s == "" {
		return ""
	}
	return i.on + s + i.off
}

// mark is a sign with the word it stands for and its style.
type mark struct {
	Sign, Word string
	Style      ink
}

func (m mark) String() string { return m.Style.Render(m.Sign) }

// phase is the mark of a step in a run. "" is a step that has not started.
func (t theme) phase(s engine.Status) mark {
	switch s {
	case engine.Started:
		return mark{"●", "running", t.Accent}
	case engine.Done:
		return mark{"✓", "done", t.Good}
	case engine.Reused:
		return mark{"=", "as it was", t.Good}
	case engine.Failed:
		return mark{"✗", "failed", t.Risk}
	case engine.Skipped:
		return mark{"-", "skipped", t.Warn}
	case engine.Undone:
		return mark{"✓", "removed", t.Good}
	}
	return mark{"○", "waiting", t.Dim}
}

// action is the mark of a step in a plan.
func (t theme) action(a engine.Action) mark {
	switch a {
	case engine.Create:
		return mark{"+", "create", t.Good}
	case engine.Update:
		return mark{"~", "change", t.Warn}
	case engine.Reuse:
		return mark{"=", "use what is there", t.Accent}
	case engine.Blocked:
		return mark{"✗", "blocked", t.Risk}
	}
	return mark{"·", "nothing to do", t.Dim}
}

// check is the mark of a line of the preflight.
func (t theme) check(s CheckState) mark {
	switch s {
	case CheckPass:
		return mark{"✓", "passed", t.Good}
	case CheckFail:
		return mark{"✗", "failed", t.Risk}
	case CheckUnknown:
		return mark{"?", "cannot tell", t.Warn}
	}
	return mark{"●", "looking …", t.Accent}
}

// verdict is the mark of a deployment of the proof.
func (t theme) verdict(v engine.Verdict) mark {
	switch {
	case !v.OK:
		return mark{"✗", "NOT AS EXPECTED", t.Risk}
	case v.Actual == engine.Denied:
		return mark{"✓", "refused, as it should be", t.Good}
	}
	return mark{"✓", "admitted, as it should be", t.Good}
}
