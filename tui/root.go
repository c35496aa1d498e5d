package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
)

// The smallest terminal that a screen is drawn on.
const (
	minWidth  = 40
	minHeight = 12
)

// hold is how long a question that opened by itself takes no answer, so that a
// key pressed for what was there before does not answer it.
const hold = 400 * time.Millisecond

// screen is one page of the wizard. It owns what is between the header and the
// help line, and knows no other screen: where to go next is in flow.go.
type screen interface {
	Init() tea.Cmd
	Keys() []binding        // what can be pressed now, the most useful first
	Press(action) tea.Cmd   // one of Keys was
	Update(tea.Msg) tea.Cmd // everything else: typed text, pasted text, answers of commands
	View(w, h int) []string // at most h lines of at most w columns
}

// app is the wizard: the root model. It owns the size, the screen that is shown
// and what all screens share.
type app struct {
	ctx     context.Context
	backend Backend
	theme   theme
	keys    keys
	now     func() time.Time
	later   func(time.Duration, tea.Msg) tea.Cmd // brings the message when the time has gone by

	w, h    int
	world   World
	screen  screen
	visit   int  // counts screens shown; answers meant for an earlier one are dropped
	holding bool // a question has just opened
	help    bool
	mouse   bool
	pages   map[page][]string // texts as drawn
	notice  string            // one line for the person, until the next key
	learn   bool              // stop before each step and explain it
	unfold  bool              // show the services' own words of a problem

	awake     string // why it cannot be suspended
	doze      func() // asks the system to suspend it
	jobs      *jobs  // nil where there is no terminal
	notify    bool
	environ   []string
	clipboard func(string) error // may be nil

	setup   // what has been chosen and opened: flow.go
	outcome Outcome

	turn chan struct{} // full while a setup is opened, looked over or let go: one at a time
}

// holdOver ends the hold of a visit.
type holdOver struct{ visit int }

func (a *app) Init() tea.Cmd {
	if a.jobs == nil {
		return a.screen.Init()
	}
	return tea.Batch(a.screen.Init(), a.jobs.listen)
}

// Update routes: size and ticks to the root, keys by the key map, the rest to the screen.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.w, a.h = msg.Width, msg.Height
		return a, a.jobs.sized()
	case tea.KeyPressMsg:
		return a, a.press(msg)
	case interrupted:
		return a, a.interrupt()
	case holdOver:
		if msg.visit == a.visit {
			a.holding = false
		}
		return a, nil
	}
	if cmd, mine := a.jobs.update(msg); mine {
		return a, cmd
	}
	if cmd, mine := a.flow(msg); mine {
		return a, cmd
	}
	return a, a.screen.Update(msg)
}

// press finds what a key means here. What is not in the key map is text.
func (a *app) press(msg tea.KeyPressMsg) tea.Cmd {
	a.notice = ""
	b, ok := find(a.bindings(), msg.String())
	if !ok {
		a.help = false
		return a.screen.Update(msg)
	}
	if b.Off == "" && b.Confirm && a.holding {
		b.Off = "this has just opened; press it again"
	}
	if b.Off != "" {
		a.notice = b.label() + ": " + b.Off
		return nil
	}
	switch b.Do {
	case doHelp:
		a.help = !a.help
	case doMouse:
		a.mouse = !a.mouse
	case doMore:
		a.unfold = !a.unfold
	case doSuspend:
		a.doze()
	case doQuit:
		return a.leave()
	case doStop:
		return a.interrupt()
	default:
		if a.help {
			a.help = false
			return nil
		}
		if a.watched != nil && b.Do == doRetry {
			return a.reopen()
		}
		return a.screen.Press(b.Do)
	}
	return nil
}

// bindings are the screen's keys and those that work everywhere.
func (a *app) bindings() []binding {
	help, stop := a.keys.Help, a.keys.Stop
	var all []binding
	for _, b := range a.screen.Keys() {
		all = append(all, a.readOnly(b))
	}
	if t, ok := a.screen.(typist); ok && t.typing() {
		help.Keys, help.Shown = []string{"f1"}, "f1" // ? and q are text here
		all = append(all, help, stop)
	} else {
		all = append(all, help, a.keys.Quit, quiet(stop))
	}
	return append(all, a.keys.Mouse, a.keys.Suspended.off(a.awake))
}

// typist is a screen where letters can be text.
type typist interface{ typing() bool }

// show makes s the screen.
func (a *app) show(s screen) tea.Cmd {
	a.screen, a.help, a.holding = s, false, false
	a.visit++
	return s.Init()
}

// ask holds the keys that confirm for a moment: a question has opened by itself.
func (a *app) ask() tea.Cmd {
	a.holding = true
	return a.later(hold, holdOver{a.visit})
}

// say shows a line to the person until the next key.
func (a *app) say(format string, args ...any) { a.notice = fmt.Sprintf(format, args...) }

// View draws the frame: exactly as wide and as high as the terminal, or smaller.
func (a *app) View() tea.View {
	v := tea.NewView(strings.Join(a.frame(), "\n"))
	v.AltScreen = true
	v.WindowTitle = a.title()
	if a.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

func (a *app) frame() []string {
	if a.w < minWidth || a.h < minHeight {
		return a.tooSmall()
	}
	head := []string{a.header(), ""}
	foot := []string{"", a.helpLine()}
	if a.notice != "" {
		foot[0] = " " + a.theme.Warn.Render(fit(a.notice, a.w-2))
	}
	room := a.h - len(head) - len(foot)
	var body []string
	if a.help {
		body = a.helpPage(a.w-2, room)
	} else {
		body = a.screen.View(a.w-2, room)
	}
	lines := make([]string, 0, a.h)
	lines = append(lines, head...)
	for i := range room {
		l := ""
		if i < len(body) {
			l = fit(" "+body[i], a.w)
		}
		lines = append(lines, l)
	}
	return append(lines, foot...)
}

// small is what a terminal says that is too small to draw on.
func small(w, h int) string {
	return fmt.Sprintf("signgate needs %d×%d, this terminal is %d×%d. Make it larger; nothing is lost.", minWidth, minHeight, w, h)
}

func (a *app) tooSmall() []string {
	lines := wrap(small(a.w, a.h), a.w)
	return lines[:min(len(lines), max(a.h, 0))]
}

// header is our name, the setup at hand, the world, and the stopwatch of a run.
func (a *app) header() string {
	right := a.worldMark()
	if by := a.watchedBy(); by != "" {
		right = a.theme.Warn.Render(by) + "  " + right
	}
	if d := a.elapsed(); d > 0 {
		right += "  " + clock(d)
	}
	left := " " + a.theme.Title.Render("signgate")
	if about := a.about(); about != "" {
		left += "   " + a.theme.Dim.Render(about)
	}
	return row(left, right+" ", a.w)
}

// worldMark is always on screen: one must never wonder whose cloud this is.
func (a *app) worldMark() string {
	if a.world.Sandbox {
		return a.theme.Good.Render(a.world.Name())
	}
	return a.theme.Warn.Render(a.world.Name())
}

// helpLine lists the keys that fit. The first, help and quit always have their
// place; what is disabled is left to the help page.
func (a *app) helpLine() string {
	var own, ever []string
	for _, b := range a.bindings() {
		if b.Off != "" || b.Quiet {
			continue
		}
		text := a.theme.keyStyle(b).Render(b.label()) + " " + a.theme.Dim.Render(b.Words)
		if b.Danger {
			text += a.theme.Risk.Render("!")
		}
		if b.Do == doHelp || b.Do == doQuit || b.Do == doStop {
			ever = append(ever, text)
		} else {
			own = append(own, text)
		}
	}
	for {
		l := " " + strings.Join(append(own[:len(own):len(own)], ever...), a.theme.Dim.Render(" · "))
		if len(own) <= 1 || width(l) < a.w {
			return fit(l, a.w)
		}
		own = own[:len(own)-1]
	}
}

// keyStyle marks the dangerous keys.
func (t theme) keyStyle(b binding) interface{ Render(...string) string } {
	if b.Danger {
		return t.Risk
	}
	return t.Accent
}

// helpPage is every key of the screen, what it does, and why it cannot now.
func (a *app) helpPage(w, h int) []string {
	lines := []string{a.theme.Strong.Render("Keys"), ""}
	for _, b := range a.bindings() {
		l := pad(a.theme.keyStyle(b).Render(b.label()), 8) + b.Words
		if b.Danger {
			l += a.theme.Risk.Render("  ! removes or overwrites")
		}
		if b.Off != "" {
			l += a.theme.Dim.Render("  (not now: " + b.Off + ")")
		}
		lines = append(lines, fit(l, w))
	}
	return lines[:min(len(lines), h)]
}

// unfolds adds the key that shows a problem's own words, if it has more of them
// than are shown anyway.
func (a *app) unfolds(keys []binding, p *problem.Problem) []binding {
	if p == nil || !folded(p) {
		return keys
	}
	more := quiet(a.moreKey()) // the problem itself names it
	if a.unfold {
		more = a.moreKey().says("fold the words")
	}
	return append(keys, more)
}

// folded says whether a problem has words of the service's that are not shown anyway.
func folded(p *problem.Problem) bool {
	return p.Words != "" && p.Words != p.What && p.ID != "unknown"
}

// moreKey shows them: o, where that is no text.
func (a *app) moreKey() binding {
	more := a.keys.More
	if s, ok := a.screen.(typist); ok && s.typing() {
		more.Keys, more.Shown = []string{"ctrl+o"}, "ctrl+o"
	}
	return more
}

// trouble draws a problem: what happened, why, what to try; and, unfolded, the
// service's own words. What nobody knows has nothing but those.
func (a *app) trouble(p *problem.Problem, w int) []string {
	t := a.theme
	lines := hung(t.Risk.Render("✗"), 2, line(p.What), t.Strong, w)
	part := func(label, text string) {
		if text == "" || text == p.What {
			return
		}
		lines = append(lines, hung(t.Dim.Render(label), 8, clean(text), ink{}, w)...)
	}
	part("  why", p.Why)
	part("  try", p.Fix)
	if a.unfold || p.ID == "unknown" {
		part("  words", p.Words)
		part("  id", p.ID)
	} else if folded(p) {
		key := a.moreKey().label() + "  "
		lines = append(lines, fit("  "+t.Accent.Render(pad(key, max(6, width(key))))+t.Dim.Render("the service's own words"), w))
	}
	return lines
}
