package tui

import (
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/signgate/signgate/internal/engine"
)

// What differs in meaning differs in what a terminal without colour shows: a sign or
// a word, so that nobody needs to tell red from green.
func TestMeaningWithoutColour(t *testing.T) {
	th := newTheme()
	var phases, actions, verdicts []string
	for _, s := range []engine.Status{"", engine.Started, engine.Done, engine.Reused, engine.Failed, engine.Skipped, engine.Undone} {
		phases = append(phases, th.phase(s).Sign+" "+th.phase(s).Word)
	}
	for _, a := range []engine.Action{engine.None, engine.Create, engine.Update, engine.Reuse, engine.Blocked} {
		actions = append(actions, th.action(a).Sign)
	}
	for _, v := range []engine.Verdict{{}, {OK: true, Actual: engine.Denied}, {OK: true, Actual: engine.Admitted}} {
		verdicts = append(verdicts, th.verdict(v).Word)
	}
	keys := newKeys()
	danger := &app{theme: th, keys: keys, w: 80, screen: keyed{[]binding{keys.Destroy}}}
	harmless := &app{theme: th, keys: keys, w: 80, screen: keyed{[]binding{{Do: doDestroy, Keys: keys.Destroy.Keys, Words: keys.Destroy.Words}}}}
	off := &app{theme: th, keys: keys, w: 80, screen: keyed{[]binding{keys.Retry.off("it runs")}}}
	on := &app{theme: th, keys: keys, w: 80, screen: keyed{[]binding{keys.Retry}}}
	here, google := &app{theme: th, world: World{Sandbox: true}}, &app{theme: th}
	for what, texts := range map[string][]string{
		"a step's phase":               phases,
		"an action of the plan":        actions,
		"a verdict":                    verdicts,
		"the world":                    {here.worldMark(), google.worldMark()},
		"a dangerous key":              {danger.helpLine(), harmless.helpLine()},
		"a dangerous key, explained":   {strings.Join(danger.helpPage(78, 20), "\n"), strings.Join(harmless.helpPage(78, 20), "\n")},
		"a key that does not work now": {strings.Join(off.helpPage(78, 20), "\n"), strings.Join(on.helpPage(78, 20), "\n")},
		"where one is":                 {pointer(th, true), pointer(th, false)},
	} {
		seen := map[string]bool{}
		for _, text := range texts {
			plain := paint(text, colorprofile.NoTTY)
			if seen[plain] {
				t.Errorf("%s: two that differ both look like %q", what, plain)
			}
			seen[plain] = true
		}
	}
}

// keyed is a screen of nothing but keys.
type keyed struct{ all []binding }

func (k keyed) Init() tea.Cmd          { return nil }
func (k keyed) Keys() []binding        { return k.all }
func (k keyed) Press(action) tea.Cmd   { return nil }
func (k keyed) Update(tea.Msg) tea.Cmd { return nil }
func (k keyed) View(int, int) []string { return nil }

// The terminal's own sixteen colours are used and no background, so that a frame can
// be read on a light terminal and on a dark one, whatever its colours are.
func TestColoursAreTheTerminalsOwn(t *testing.T) {
	for name, scene := range scenes() {
		t.Run(name, func(t *testing.T) {
			var content string
			synctest.Test(t, func(t *testing.T) { content = scene(t, 120, 40).a.View().Content })
			for _, sgr := range style.FindAllString(content, -1) {
				for code := range strings.SplitSeq(strings.Trim(sgr, "\x1b[m"), ";") {
					switch {
					case code == "", code == "0", code == "1", code == "2", code == "7": // off, bold, faint, the cursor
					case len(code) == 2 && (code[0] == '3' || code[0] == '9') && code[1] >= '0' && code[1] <= '7':
					default:
						t.Fatalf("style %q is not one of the sixteen colours", sgr)
					}
				}
			}
		})
	}
}
