package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// oversize says what is wrong with a frame's size, by both ways to measure.
func oversize(content string, w, h int) string {
	lines := strings.Split(content, "\n")
	if len(lines) > h {
		return "too high"
	}
	for _, l := range lines {
		if ansi.StringWidth(l) > w || ansi.StringWidthWc(l) > w {
			return "too wide: " + l
		}
	}
	return ""
}

func fits(t *testing.T, d *driver) {
	t.Helper()
	if bad := oversize(d.a.View().Content, d.a.w, d.a.h); bad != "" {
		t.Fatalf("%d×%d: %s\n%s", d.a.w, d.a.h, bad, d.text())
	}
}

// strange are strings as no service should send them.
func strange() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringN(0, 400, -1), rapid.SampledFrom([]string{
		"", "世界世界世界世界世界世界世界世界世界世界", "e\u0301\u0301\u0301", "👨‍👩‍👧‍👦 👍🏽 🇨🇦", "\x1b[31mred\x1b[0m", "क्षि नमस्ते", "ﷺ", "a\tb\nc\r\nd",
		strings.Repeat("x", 10_000), strings.Repeat("世", 500), "\u202eevil\u2066", "✊️❤️",
	}))
}

// TestNoFrameIsTooLarge drives the wizard by random keys, sizes and events and
// measures every frame.
func TestNoFrameIsTooLarge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := strange()
		b := newFake()
		b.world.Account, b.world.State = text.Draw(rt, "account"), text.Draw(rt, "state")
		b.projects = append(b.projects, Project{ID: text.Draw(rt, "id"), Name: text.Draw(rt, "name")})
		b.setups = []state.Listed{{Name: text.Draw(rt, "setup")}}
		for i := range b.session.plan.Steps {
			s := &b.session.plan.Steps[i]
			s.Change = engine.Change{Action: rapid.SampledFrom([]engine.Action{engine.Create, engine.Update, engine.None, engine.Reuse, engine.Create, engine.Create}).Draw(rt, "action"),
				Summary: text.Draw(rt, "summary")}
		}
		b.session.events = nil
		w := walker{b: b, a: newApp(t.Context(), b, Options{Width: 80, Height: 24, Now: noon})}
		w.a.later = never
		w.do(w.a.Init(), 20)
		keys := []string{"enter", "enter", "enter", "esc", "up", "down", "left", "right", "pgdown", "pgup", "backspace", "l", "/", "?", "p", "r", "w", "y", "o", "t", "D", "a"}
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "kind") {
			case 0:
				w.send(tea.WindowSizeMsg{Width: rapid.IntRange(1, 300).Draw(rt, "w"), Height: rapid.IntRange(1, 100).Draw(rt, "h")}, 5)
			case 1:
				if w.a.run != nil {
					w.a.run.apply(anyEvent(rt, text), noon())
				}
			case 2:
				w.send(tea.PasteMsg{Content: text.Draw(rt, "pasted")}, 5)
			default:
				w.a.holding = false
				w.send(keyNamed(rapid.SampledFrom(keys).Draw(rt, "key")), 20)
			}
			if bad := oversize(w.a.View().Content, w.a.w, w.a.h); bad != "" {
				rt.Fatalf("%T at %d×%d: %s", w.a.screen, w.a.w, w.a.h, bad)
			}
		}
	})
}

func anyEvent(rt *rapid.T, text *rapid.Generator[string]) engine.Event {
	ids := []string{"project", "cluster", "proof", "key", "nobody"}
	ev := engine.Event{Step: rapid.SampledFrom(ids).Draw(rt, "step"), Text: text.Draw(rt, "text"), Seconds: rapid.Float64Range(0, 1e6).Draw(rt, "seconds"),
		Type: rapid.SampledFrom([]engine.Type{engine.TypeStep, engine.TypeProgress, engine.TypeNotice, engine.TypeVerdict}).Draw(rt, "type")}
	switch ev.Type {
	case engine.TypeStep:
		ev.Status = rapid.SampledFrom([]engine.Status{engine.Started, engine.Done, engine.Reused, engine.Failed, engine.Skipped}).Draw(rt, "status")
		if ev.Status == engine.Failed {
			ev.Problem = &problem.Problem{What: text.Draw(rt, "what"), Why: text.Draw(rt, "why"), Fix: text.Draw(rt, "fix"), Words: text.Draw(rt, "words")}
		}
	case engine.TypeProgress:
		ev.Progress = &engine.Progress{Stage: text.Draw(rt, "stage"), Done: rapid.Int64Range(-5, 1<<40).Draw(rt, "done"), Total: rapid.Int64Range(-5, 1<<40).Draw(rt, "total"),
			Unit: rapid.SampledFrom([]string{"", "bytes"}).Draw(rt, "unit")}
	case engine.TypeVerdict:
		ev.Verdict = &engine.Verdict{Case: text.Draw(rt, "case"), Image: text.Draw(rt, "image"), Reason: text.Draw(rt, "reason"), Message: text.Draw(rt, "message")}
	}
	return ev
}

// walker runs commands at once and gives up on those that wait.
type walker struct {
	a *app
	b *fakeBackend
}

func (w *walker) send(msg tea.Msg, depth int) {
	if msg == nil || depth == 0 {
		return
	}
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, c := range batch {
			w.do(c, depth-1)
		}
		return
	}
	_, cmd := w.a.Update(msg)
	w.do(cmd, depth-1)
}

func (w *walker) do(cmd tea.Cmd, depth int) {
	if cmd == nil {
		return
	}
	out := make(chan tea.Msg, 1)
	go func() { out <- cmd() }()
	select {
	case msg := <-out:
		w.send(msg, depth)
	case <-time.After(5 * time.Millisecond):
	}
}
