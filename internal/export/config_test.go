package export_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signgate/signgate/internal/export"
	"github.com/signgate/signgate/state"
)

// Whatever the answers are, also ones that no rule lets through, the file says them back.
func TestConfigIsReadBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a state.Answers
		for _, q := range state.Questions() {
			switch at := q.At(&a).(type) {
			case *string:
				*at = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "007", "true", "null", "~", "a: b", "# no", "'", `"`, "\\", "\u2028", "\U0001F600"})).Draw(t, q.Key)
			case *int:
				*at = rapid.Int().Draw(t, q.Key)
			case *bool:
				*at = rapid.Bool().Draw(t, q.Key)
			}
		}
		back, lines, wrong := state.ReadAnswers([]byte(export.Config(a)), state.Answers{})
		if len(wrong) > 0 || back != a {
			t.Fatalf("%v\n%+v\n%+v\n%s", wrong, a, back, export.Config(a))
		}
		if len(lines) != len(state.Questions()) {
			t.Fatalf("only %v stand in it", lines)
		}
	})
}

func TestConfigTellsWhatEachKeyIsAbout(t *testing.T) {
	lines := strings.Split(export.Config(defaults()), "\n")
	for i, line := range lines {
		key, _, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.HasPrefix(lines[i-1], "# ") {
			t.Errorf("nothing is said of %s", key)
		}
	}
	for _, want := range []string{`region: "northamerica-northeast1"`, "nodes: 1", "publicLog: false", `suffix: ""`} {
		if !strings.Contains(strings.Join(lines, "\n"), "\n"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}
