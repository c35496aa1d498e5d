package state

import (
	"slices"
	"strings"
	"testing"
)

func TestReadParticipants(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
		rule string // in the words of the first fault
	}{
		"one setup":          {"project: acme-demo\n", nil, ""},
		"an empty file":      {"", nil, ""},
		"a list":             {"participants: [ann, bob-2, 7]\n", []string{"ann", "bob-2", "7"}, ""},
		"a number":           {"participants: 3\n", []string{"01", "02", "03"}, ""},
		"one twice":          {"participants:\n- ann\n- ann\n", []string{"ann"}, `"ann" stands on line 2 already`},
		"no suffix":          {"participants: [Ann, '-b', 'ok', '']\n", []string{"ok"}, suffixRule},
		"none":               {"participants: []\n", nil, "at least one"},
		"nought":             {"participants: 0\n", nil, "a list of suffixes, or how many"},
		"a group":            {"participants: {a: b}\n", nil, "not a group of keys"},
		"the key twice":      {"participants: 1\nparticipants: 2\n", []string{"01"}, "it stands on line 1 already"},
		"a list in the list": {"participants: [[ann]]\n", nil, "a suffix, not a list"},
		"far too many":       {"participants: 100000\n", nil, "1 to 500"},
	} {
		got, wrong := ReadParticipants([]byte(c.file))
		if !slices.Equal(got, c.want) || (len(wrong) > 0) != (c.rule != "") {
			t.Errorf("%s: %v, %v", name, got, wrong)
		}
		if len(wrong) > 0 && (!strings.Contains(wrong[0].Rule, c.rule) || wrong[0].Line == 0) {
			t.Errorf("%s: %+v, want %q", name, wrong[0], c.rule)
		}
		if _, _, other := ReadAnswers([]byte(c.file), Defaults()); len(other) > 0 {
			t.Errorf("%s: the answers are wrong as well: %v", name, other)
		}
	}
	if all := numbered(120); all[0] != "001" || all[119] != "120" {
		t.Errorf("%v", all)
	}
}

func FuzzReadParticipants(f *testing.F) {
	for _, seed := range []string{"participants: [ann, bob]", "participants: 3\nregion: x", "participants: &a [*a]", "- 1", "participants: 2\n---\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _ := ReadParticipants(data)
		seen := map[string]bool{}
		for _, suffix := range got {
			a := Defaults()
			a.Project, a.Suffix = "acme-demo", suffix
			for _, fault := range Validate(a) {
				if fault.Path == "suffix" {
					t.Errorf("%q is no suffix", suffix)
				}
			}
			if suffix == "" || seen[suffix] {
				t.Errorf("%q twice, or empty", suffix)
			}
			seen[suffix] = true
		}
	})
}
