package tui

import (
	"bytes"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
)

// What the wizard does with the terminal besides drawing on it: the clipboard, the
// title, the bell, and letting go of it for a while.

// copy puts text on the clipboard through the terminal (OSC 52), which works over
// ssh too. No terminal says whether it did, so this machine's own clipboard gets
// the text as well.
func (a *app) copy(text, what string) tea.Cmd {
	a.say("%s copied", what)
	own := a.clipboard
	if own == nil {
		return tea.SetClipboard(text)
	}
	return tea.Batch(tea.SetClipboard(text), func() tea.Msg {
		_ = own(text) // there may be none
		return nil
	})
}

// canvas is the wizard's terminal. It tells when the wizard has come up on it, at first
// and whenever the terminal was given away meanwhile.
type canvas struct {
	term.File
	drawn chan struct{} // holds one once it has
}

func (c canvas) Write(b []byte) (int, error) {
	n, err := c.File.Write(b)
	if bytes.Contains(b, []byte(ansi.SetModeAltScreenSaveCursor)) {
		select {
		case c.drawn <- struct{}{}:
		default:
		}
	}
	return n, err
}

// title is the terminal's title.
func (a *app) title() string {
	if a.run == nil || a.session == nil {
		return "signgate"
	}
	return "signgate " + line(a.session.Name()) + ": " + a.run.state()
}

// long is a run that people turn away from.
const long = 30 * time.Second

// ring tells of the end of a long run: by the bell, and by the notification of those
// terminals that know one.
func (a *app) ring() tea.Cmd {
	if !a.notify || a.leaving || a.elapsed() < long {
		return nil
	}
	return tea.Raw("\a" + notification(a.environ, a.title()))
}

// notification is the escape sequence that this terminal shows a text by: OSC 777
// where it comes from (urxvt, VTE), OSC 9 everywhere else. One that knows neither
// draws nothing.
func notification(environ []string, text string) string {
	text = strings.ReplaceAll(line(text), ";", ",")
	if slices.ContainsFunc(environ, func(e string) bool {
		return strings.HasPrefix(e, "TERM=rxvt") || strings.HasPrefix(e, "VTE_VERSION=")
	}) {
		return ansi.URxvtExt("notify", "signgate", text)
	}
	return ansi.Notify(text)
}
