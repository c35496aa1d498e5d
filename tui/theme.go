package tui

import (
	"charm.land/lipgloss/v2"

	"github.com/signgate/signgate/internal/engine"
)

// theme is every colour and sign there is. It uses the terminal's own sixteen
// colours and no background, so it follows a light or a dark terminal without
// asking it; a sign or a word always says what a colour says.
type theme struct {
	Title  lipgloss.Style // our name
	Strong lipgloss.Style // what one looks for
	Dim    lipgloss.Style // what one may skip
	Accent lipgloss.Style // where one is
	Good   lipgloss.Style
	Warn   lipgloss.Style
	Risk   lipgloss.Style
	Code   lipgloss.Style // what one could type
}

func newTheme() theme {
	s := lipgloss.NewStyle()
	return theme{
		Title:  s.Bold(true).Foreground(lipgloss.Cyan),
		Strong: s.Bold(true),
		Dim:    s.Faint(true),
		Accent: s.Foreground(lipgloss.Cyan),
		Good:   s.Foreground(lipgloss.Green),
		Warn:   s.Foreground(lipgloss.Yellow),
		Risk:   s.Bold(true).Foreground(lipgloss.Red),
		Code:   s.Foreground(lipgloss.Blue),
	}
}

// mark is a sign with the word it stands for and its style.
type mark struct {
	Sign, Word string
	Style      lipgloss.Style
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

// verdict is the mark of a deployment of the proof.
func (t theme) verdict(v engine.Verdict) mark {
	switch {
	case !v.OK:
		return mark{"✗", "NOT AS EXPECTED", t.Risk}
	case v.Actual == "denied":
		return mark{"✓", "refused, as it should be", t.Good}
	}
	return mark{"✓", "admitted, as it should be", t.Good}
}
