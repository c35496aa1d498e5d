package tui

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/signgate/signgate/internal/engine"
)

// driver uses the wizard as a person does, without a program around it: keys in,
// frames out. Commands run at once, except those that wait (ticks, holds). It works in
// a bubble of testing/synctest, whose clock goes on only when nothing else can.
type driver struct {
	t       *testing.T
	a       *app
	b       *fakeBackend
	waiting []chan tea.Msg // commands that had nothing to say yet
}

func drive(t *testing.T, b *fakeBackend, w, h int) *driver { return driveOn(t, b, b, w, h) }

// driveOn drives a backend that is more than the fake in it.
func driveOn(t *testing.T, all Backend, b *fakeBackend, w, h int) *driver {
	t.Helper()
	a := newApp(t.Context(), all, Options{Width: w, Height: h, Now: b.now})
	a.later = never
	d := &driver{t: t, a: a, b: b}
	d.do(a.Init())
	return d
}

// never is a time that does not come by itself.
func never(time.Duration, tea.Msg) tea.Cmd { return nil }

// do runs a command and what follows from it to the end.
func (d *driver) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	out := make(chan tea.Msg, 1)
	go func() { out <- cmd() }()
	select {
	case msg := <-out:
		d.send(msg)
	case <-time.After(2 * gather): // it listens to a run that says nothing
		d.waiting = append(d.waiting, out)
	}
}

func (d *driver) send(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.do(c)
		}
	default:
		if v := reflect.ValueOf(msg); v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[tea.Cmd]() {
			for i := range v.Len() { // tea.Sequence's own type
				d.do(v.Index(i).Interface().(tea.Cmd))
			}
			return
		}
		_, cmd := d.a.Update(msg)
		d.do(cmd)
	}
}

// press presses keys by their names.
func (d *driver) press(names ...string) {
	for _, n := range names {
		d.send(keyNamed(n))
		d.a.View()
	}
}

// settle takes in what a run has said meanwhile.
func (d *driver) settle() {
	all := d.waiting
	d.waiting = nil
	for _, out := range all {
		select {
		case msg := <-out:
			d.send(msg)
		case <-time.After(2 * gather):
			d.waiting = append(d.waiting, out)
		}
	}
}

// wait lets the hold of a question that has just opened go by.
func (d *driver) wait() { d.send(holdOver{d.a.visit}) }

func (d *driver) typed(s string) {
	for _, r := range s {
		d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

func keyNamed(n string) tea.KeyPressMsg {
	switch n {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "left":
		return tea.KeyPressMsg{Code: tea.KeyLeft}
	case "right":
		return tea.KeyPressMsg{Code: tea.KeyRight}
	case "pgdown":
		return tea.KeyPressMsg{Code: tea.KeyPgDown}
	case "pgup":
		return tea.KeyPressMsg{Code: tea.KeyPgUp}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	case "home":
		return tea.KeyPressMsg{Code: tea.KeyHome}
	case "end":
		return tea.KeyPressMsg{Code: tea.KeyEnd}
	case "tab":
		return tea.KeyPressMsg{Code: tea.KeyTab}
	case "f1":
		return tea.KeyPressMsg{Code: tea.KeyF1}
	case "f2":
		return tea.KeyPressMsg{Code: tea.KeyF2}
	}
	if c, ok := strings.CutPrefix(n, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: []rune(c)[0], Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(n)[0], Text: n}
}

// text is the frame without styles.
func (d *driver) text() string { return paint(d.a.View().Content, colorprofile.NoTTY) }

func (d *driver) shows(parts ...string) {
	d.t.Helper()
	text := d.text()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			d.t.Fatalf("the frame does not show %q:\n%s", p, text)
		}
	}
}

// paint is content as a terminal of that profile is sent it.
func paint(content string, p colorprofile.Profile) string {
	var b bytes.Buffer
	w := &colorprofile.Writer{Forward: &b, Profile: p}
	fmt.Fprint(w, content)
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// scenes are how each screen is come to.
func scenes() map[string]func(t *testing.T, w, h int) *driver {
	to := func(keys ...string) func(t *testing.T, w, h int) *driver {
		return func(t *testing.T, w, h int) *driver {
			d := drive(t, newFake(), w, h)
			d.press(keys...)
			return d
		}
	}
	running := func(events []engine.Event, end error, keys ...string) func(t *testing.T, w, h int) *driver {
		return func(t *testing.T, w, h int) *driver {
			b := newFake()
			b.session.events = events
			if end == nil {
				b.session.hold = make(chan struct{})
			}
			b.session.runErr = []error{end}
			d := drive(t, b, w, h)
			d.press("enter", "enter", "enter", "enter")
			d.wait()
			d.press("enter")
			d.press(keys...)
			return d
		}
	}
	looking := func(checks []Check, keys ...string) func(t *testing.T, w, h int) *driver {
		return func(t *testing.T, w, h int) *driver {
			b := newFake()
			b.setups = setups(b)
			d := driveOn(t, &lookingAhead{b, checks, map[string]Standing{"old": {Text: "the gate is open because the webhook was removed"}}}, b, w, h)
			d.press(keys...)
			return d
		}
	}
	learning := func(keys ...string) func(t *testing.T, w, h int) *driver {
		return func(t *testing.T, w, h int) *driver {
			b := newFake()
			d := drive(t, b, w, h)
			d.press("enter", "enter", "enter", "enter", "m")
			d.wait()
			d.press("enter")
			d.settle()
			d.press(keys...)
			return d
		}
	}
	watching := func(keys ...string) func(t *testing.T, w, h int) *driver {
		return func(t *testing.T, w, h int) *driver {
			b := watchedSetup()
			return pressed(driveOn(t, b, b.fakeBackend, w, h), keys...)
		}
	}
	paying := func(t *testing.T, w, h int) *driver {
		b := newFake()
		d := driveOn(t, payer{b}, b, w, h)
		d.press("enter")
		d.typed("acme-new")
		d.press("down", "enter")
		return d
	}
	fresh := func(keys ...string) func(t *testing.T, w, h int) *driver {
		return func(t *testing.T, w, h int) *driver {
			b := newFake()
			b.session.entries = nil
			return pressed(drive(t, b, w, h), keys...)
		}
	}
	failed := fmt.Errorf("the run failed")
	return map[string]func(t *testing.T, w, h int) *driver{
		"welcome": to(),
		"project": to("enter"),
		"billing": paying,
		"region":  to("enter", "enter"),
		"names":   to("enter", "enter", "enter"),
		"plan":    fresh("enter", "enter", "enter", "enter"),
		"run":     running(script(), nil),
		"step":    running(script(), nil, "enter"),
		"log":     running(script(), nil, "l"),
		"learn":   learning(),
		"setups":  looking(passing()),
		"passed":  looking(passing(), "down", "enter", "enter"),
		"lacking": looking(lacking(), "down", "enter", "enter"),
		"shape":   to("enter", "enter", "enter", "up"),
		"image":   to("enter", "enter", "enter", "down"),
		"words":   running(failure(), failed, "o"),
		"judging": running(judging(), nil),
		"failure": running(failure(), failed),
		"locked":  watching("enter"),
		"watch":   watching("enter", "enter"),
		"help":    running(script(), nil, "?"),
		"proof":   proven(),
		"summary": proven("enter"),
		"destroy": proven("enter", "D"),
	}
}

func proven(keys ...string) func(t *testing.T, w, h int) *driver {
	return func(t *testing.T, w, h int) *driver {
		d := drive(t, newFake(), w, h)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter")
		for _, k := range keys {
			d.wait()
			d.press(k)
		}
		return d
	}
}

func TestFrames(t *testing.T) {
	for name, scene := range scenes() {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				var content string
				synctest.Test(t, func(t *testing.T) { content = scene(t, size[0], size[1]).a.View().Content })
				for profile, kind := range map[colorprofile.Profile]string{colorprofile.ANSI: "colour", colorprofile.NoTTY: "plain"} {
					t.Run(kind, func(t *testing.T) { golden.RequireEqual(t, []byte(paint(content, profile)+"\n")) })
				}
			})
		}
	}
}
