package tui

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

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

// harmful says what a frame holds that no frame may: a control character, a mark that
// reorders what is next to it, an escape sequence other than of a style.
func harmful(content string) string {
	for _, r := range ansi.Strip(content) {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return fmt.Sprintf("holds %q", r)
		}
	}
	if rest := style.ReplaceAllString(content, ""); strings.ContainsRune(rest, '\x1b') {
		return fmt.Sprintf("holds an escape sequence: %q", rest)
	}
	return ""
}

var style = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// wrong says what is wrong with the frame at hand, "" if nothing.
func wrong(a *app) string {
	content := a.View().Content
	if bad := oversize(content, a.w, a.h); bad != "" {
		return bad
	}
	if a.w < minWidth || a.h < minHeight {
		sentence := strings.Join(wrap(small(a.w, a.h), max(a.w, 1)), "\n")
		if !strings.HasPrefix(sentence, content) {
			return "not the sentence of a terminal that is too small"
		}
	}
	return harmful(content)
}

func fits(t *testing.T, d *driver) {
	t.Helper()
	if bad := wrong(d.a); bad != "" {
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
		all := &everything{lookingAhead: &lookingAhead{b, anyChecks(rt, text), map[string]Standing{"": {Text: text.Draw(rt, "standing")}}}, strange: text.Draw(rt, "payer")}
		var acts []func(*walker) // drawn before they are done: nothing is drawn in a bubble
		keys := []string{"enter", "enter", "enter", "esc", "up", "down", "left", "right", "pgdown", "pgup", "home", "end", "tab", "backspace", "f1", "f2",
			"l", "/", "?", "p", "r", "w", "y", "o", "t", "m", "c", "x", "D", "O", "a", "ctrl+r", "ctrl+z", "世", "\u202e"}
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 6).Draw(rt, "kind") {
			case 0:
				size := tea.WindowSizeMsg{Width: rapid.IntRange(1, 300).Draw(rt, "w"), Height: rapid.IntRange(1, 100).Draw(rt, "h")}
				acts = append(acts, func(w *walker) { w.send(size, 5) })
			case 1:
				ev := anyEvent(rt, text)
				acts = append(acts, func(w *walker) {
					if w.a.run != nil && (ev.Type != typeWaiting || w.a.stream != nil) {
						w.a.run.apply(ev, noon())
					}
				})
			case 2:
				pasted := tea.PasteMsg{Content: text.Draw(rt, "pasted")}
				acts = append(acts, func(w *walker) { w.send(pasted, 5) })
			case 3:
				mouse := anyMouse(rt)
				acts = append(acts, func(w *walker) { w.send(mouse, 5) })
			default:
				key := keyNamed(rapid.SampledFrom(keys).Draw(rt, "key"))
				acts = append(acts, func(w *walker) {
					w.a.holding = false
					w.send(key, 20)
				})
			}
		}
		bad := ""
		synctest.Test(t, func(t *testing.T) {
			w := walker{b: b, a: newApp(t.Context(), all, Options{Width: 80, Height: 24, Now: noon})}
			w.a.later = never
			w.do(w.a.Init(), 20)
			bad = w.walk(acts)
		})
		if bad != "" {
			rt.Fatal(bad)
		}
	})
}

// everything is a fake that can do all that a backend may, in words nobody should use.
type everything struct {
	*lookingAhead
	strange string
}

func (b *everything) BillingAccounts(context.Context) ([]BillingAccount, error) {
	return []BillingAccount{{Name: b.strange, Display: b.strange}}, nil
}

func (b *everything) Watch(context.Context, string) (Session, error) { return b.session, nil }

// anyChecks are those of a preflight.
func anyChecks(rt *rapid.T, text *rapid.Generator[string]) []Check {
	all := lacking()
	for i := range all {
		all[i].Detail = text.Draw(rt, "detail")
		if all[i].Problem != nil {
			all[i].Problem.What, all[i].Problem.Fix = text.Draw(rt, "what"), text.Draw(rt, "fix")
		}
	}
	return all
}

// anyMouse is a click, a turn of the wheel, or a movement, also beside the screen.
func anyMouse(rt *rapid.T) tea.Msg {
	m := tea.Mouse{X: rapid.IntRange(-1, 300).Draw(rt, "x"), Y: rapid.IntRange(-1, 100).Draw(rt, "y"),
		Button: rapid.SampledFrom([]tea.MouseButton{tea.MouseLeft, tea.MouseRight, tea.MouseWheelUp, tea.MouseWheelDown}).Draw(rt, "button")}
	switch rapid.IntRange(0, 3).Draw(rt, "mouse") {
	case 0:
		return tea.MouseClickMsg(m)
	case 1:
		return tea.MouseReleaseMsg(m)
	case 2:
		return tea.MouseMotionMsg(m)
	}
	return tea.MouseWheelMsg(m)
}

// TestNoKeyIsLost types a word into each field while the terminal changes its size
// and the run reports: the word is there in the end.
func TestNoKeyIsLost(t *testing.T) {
	fields := typing()
	rapid.Check(t, func(rt *rapid.T) {
		field := rapid.SampledFrom(slices.Sorted(maps.Keys(fields))).Draw(rt, "field")
		word := rapid.StringMatching("[a-z]{1,12}").Draw(rt, "word")
		var sizes []tea.WindowSizeMsg
		var events []engine.Event
		for range word {
			sizes = append(sizes, tea.WindowSizeMsg{Width: rapid.IntRange(1, 300).Draw(rt, "w"), Height: rapid.IntRange(1, 100).Draw(rt, "h")})
			events = append(events, anyEvent(rt, rapid.String()))
		}
		bad := ""
		synctest.Test(t, func(t *testing.T) { bad = typedAmid(fields[field](t, 120, 40), word, sizes, events) })
		if bad != "" {
			rt.Fatal(bad)
		}
	})
}

// typedAmid types a word while other things happen and says what is wrong then, "" if nothing.
func typedAmid(d *driver, word string, sizes []tea.WindowSizeMsg, events []engine.Event) string {
	for i, r := range word {
		d.send(sizes[i])
		if d.a.run != nil {
			d.a.run.apply(events[i], noon())
		}
		d.typed(string(r))
		if bad := wrong(d.a); bad != "" {
			return bad
		}
	}
	d.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	if text := d.text(); !strings.Contains(text, word) {
		return fmt.Sprintf("%q is not all there:\n%s", word, text)
	}
	return ""
}

// typing are the places where text can be typed, and how each is come to.
func typing() map[string]func(t *testing.T, w, h int) *driver {
	return map[string]func(t *testing.T, w, h int) *driver{
		"project": scenes()["project"],
		"names": func(t *testing.T, w, h int) *driver {
			d := scenes()["names"](t, w, h)
			d.a.screen.(*names).goTo("cluster")
			return d
		},
		"log":     func(t *testing.T, w, h int) *driver { return pressed(scenes()["log"](t, w, h), "/") },
		"try":     func(t *testing.T, w, h int) *driver { return pressed(proven()(t, w, h), "t") },
		"destroy": scenes()["destroy"],
	}
}

func pressed(d *driver, keys ...string) *driver {
	for _, k := range keys {
		d.wait()
		d.press(k)
	}
	return d
}

// TestGarbageInEveryField pastes and types what nobody should, and ten thousand
// characters of it.
func TestGarbageInEveryField(t *testing.T) {
	garbage := map[string]string{
		"long":    strings.Repeat("x", 10_000),
		"wide":    strings.Repeat("世", 10_000),
		"control": strings.Repeat("\x1b]0;owned\x07\x1b[2J\x00\r\n\t\x9b31m", 500),
		"bidi":    strings.Repeat("\u202e\u2066e\u0301👨‍👩‍👧‍👦", 1000),
	}
	for name, scene := range typing() {
		for kind, text := range garbage {
			t.Run(name+"-"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := scene(t, 80, 24)
					created := len(d.b.created)
					d.send(tea.PasteMsg{Content: text})
					fits(t, d)
					for _, r := range text[:min(len(text), 300)] {
						d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
					}
					fits(t, d)
					d.press("enter")
					fits(t, d)
					if len(d.b.created) > created && name != "log" {
						t.Error("garbage was accepted")
					}
				})
			})
		}
	}
}

func anyEvent(rt *rapid.T, text *rapid.Generator[string]) engine.Event {
	ids := []string{"project", "cluster", "proof", "key", "nobody"}
	ev := engine.Event{Step: rapid.SampledFrom(ids).Draw(rt, "step"), Text: text.Draw(rt, "text"), Seconds: rapid.Float64Range(0, 1e6).Draw(rt, "seconds"),
		Type: rapid.SampledFrom([]engine.Type{engine.TypeStep, engine.TypeProgress, engine.TypeNotice, engine.TypeVerdict, engine.TypePlan, typeWaiting}).Draw(rt, "type")}
	switch ev.Type {
	case engine.TypeStep:
		ev.Status = rapid.SampledFrom([]engine.Status{engine.Started, engine.Done, engine.Reused, engine.Failed, engine.Skipped}).Draw(rt, "status")
		if ev.Status == engine.Failed {
			ev.Problem = &problem.Problem{What: text.Draw(rt, "what"), Why: text.Draw(rt, "why"), Fix: text.Draw(rt, "fix"), Words: text.Draw(rt, "words")}
		}
	case engine.TypeProgress:
		ev.Progress = &engine.Progress{Stage: text.Draw(rt, "stage"), Done: rapid.Int64Range(-5, 1<<40).Draw(rt, "done"), Total: rapid.Int64Range(-5, 1<<40).Draw(rt, "total"),
			Unit: rapid.SampledFrom([]string{"", "bytes"}).Draw(rt, "unit")}
	case engine.TypeNotice:
		ev.Warning = rapid.Bool().Draw(rt, "warning")
	case engine.TypePlan: // of a run that is watched
		p := planOf(engine.Create)
		p.Steps = p.Steps[:rapid.IntRange(0, len(p.Steps)).Draw(rt, "steps")]
		ev.Plan = &p
	case engine.TypeVerdict:
		ev.Verdict = &engine.Verdict{Case: text.Draw(rt, "case"), Image: text.Draw(rt, "image"), Reason: text.Draw(rt, "reason"), Message: text.Draw(rt, "message")}
	}
	return ev
}

// walker runs commands at once and gives up on those that wait. It works in a bubble of
// testing/synctest, as driver does.
type walker struct {
	a *app
	b *fakeBackend
}

// walk does one thing after the other and says what is wrong then, "" if nothing.
func (w *walker) walk(acts []func(*walker)) string {
	for _, act := range acts {
		act(w)
		if bad := wrong(w.a); bad != "" {
			return fmt.Sprintf("%T at %d×%d: %s", w.a.screen, w.a.w, w.a.h, bad)
		}
	}
	return ""
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
	case <-time.After(2 * gather):
	}
}
