package tui

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
)

// sent runs a command and those that it stands for, and collects what they bring.
func sent(cmd tea.Cmd) (all []tea.Msg) {
	if cmd == nil {
		return nil
	}
	msg := cmd()
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, c := range batch {
			all = append(all, sent(c)...)
		}
		return all
	}
	return append(all, msg)
}

func TestCopyGoesBothWays(t *testing.T) {
	for name, err := range map[string]error{"with a clipboard": nil, "without one": errors.New("no clipboard")} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t.Context(), newFake(), Options{Width: 80, Height: 24, Now: noon})
			var own string
			a.clipboard = func(text string) error { own = text; return err }
			var osc bool
			for _, msg := range sent(a.copy("gcloud kms", "command")) {
				osc = osc || fmt.Sprint(msg) == "gcloud kms"
			}
			if own != "gcloud kms" || !osc {
				t.Errorf("this machine's clipboard got %q, the terminal %v", own, osc)
			}
		})
	}
}

func TestBellAfterALongRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		took   time.Duration
		notify bool
		env    string
		want   string // "" is silence
	}{
		{"long", time.Minute, true, "TERM=xterm-256color", "\a\x1b]9;signgate acme-demo: done\a"},
		{"long, on VTE", time.Minute, true, "VTE_VERSION=7600", "\a\x1b]777;notify;signgate;signgate acme-demo: done\a"},
		{"short", 10 * time.Second, true, "TERM=xterm", ""},
		{"switched off", time.Minute, false, "TERM=xterm", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newFake()
				d := drive(t, b, 80, 24)
				d.a.notify, d.a.environ = c.notify, []string{c.env}
				d.a.session, d.a.plan = b.session, b.session.plan
				d.a.run = newRun(b.session.plan, nil, b.now().Add(-c.took))
				got := ""
				for _, msg := range sent(d.a.ran(nil)) {
					if raw, ok := msg.(tea.RawMsg); ok {
						got += fmt.Sprint(raw.Msg)
					}
				}
				if got != c.want {
					t.Errorf("sent %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestTitleSaysHowTheRunStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["run"](t, 80, 24)
		if got := d.a.View().WindowTitle; got != "signgate acme-demo: running" {
			t.Errorf("title %q", got)
		}
	})
}

// The mouse is the terminal's own until one key asks for it.
func TestMouseOnlyWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["log"](t, 80, 24)
		if d.a.View().MouseMode != tea.MouseModeNone {
			t.Fatal("the mouse is taken from the start")
		}
		d.press("f2")
		if d.a.View().MouseMode == tea.MouseModeNone {
			t.Fatal("f2 does not take the mouse")
		}
		d.press("f2")
		if d.a.View().MouseMode != tea.MouseModeNone {
			t.Fatal("f2 does not give it back")
		}
	})
}

// What cannot be suspended says why, instead of sleeping for ever.
func TestSuspendWithoutAShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, asked := drive(t, newFake(), 80, 24), 0
		d.a.doze = func() { asked++ }
		d.a.awake = "no shell is there to come back from"
		d.press("ctrl+z")
		d.shows("ctrl+z: no shell")
		if asked > 0 {
			t.Error("it goes to sleep all the same")
		}
		d.a.awake = ""
		d.press("ctrl+z")
		if asked != 1 {
			t.Error("it does not go to sleep")
		}
	})
}
