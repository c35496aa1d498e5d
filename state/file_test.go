package state

import (
	"reflect"
	"strings"
	"testing"
)

func TestEachAnswerHasItsQuestion(t *testing.T) {
	fields := reflect.TypeFor[Answers]()
	all := Questions()
	if len(all) != fields.NumField() {
		t.Fatalf("%d questions for %d answers", len(all), fields.NumField())
	}
	flags := map[string]bool{}
	for i, q := range all {
		if want := key(fields.Field(i)); q.Key != want {
			t.Errorf("question %d is about %q, the answer is %q", i, q.Key, want)
		}
		if q.Flag == "" || q.Ask == "" || flags[q.Flag] {
			t.Errorf("question %q has the flag %q and asks %q", q.Key, q.Flag, q.Ask)
		}
		flags[q.Flag] = true
		var a Answers
		switch at := q.At(&a).(type) {
		case *string:
			*at = "x"
		case *int:
			*at = 7
		case *bool:
			*at = true
		default:
			t.Errorf("%s is a %T, which no flag or key can be", q.Key, at)
		}
		if reflect.ValueOf(a).Field(i).IsZero() {
			t.Errorf("%s leads to another answer", q.Key)
		}
	}
}

// TestReadAnswersTellsAllAtOnce is one file with every kind of mistake, and what is said of each.
func TestReadAnswersTellsAllAtOnce(t *testing.T) {
	file := `# a setup
region: europe-west1
keyring: mine
region: us-east1
nodes: three
diskGB: 3.5
publicLog: "yes"
suffix: 007
zone:
namespace: {name: default}
image: [nginx]
shpe: zonal
cluster: &here my-cluster
repository: *here
colour: blue
machineType: e2-small
---
region: europe-north1
`
	a, lines, wrong := ReadAnswers([]byte(file), Defaults())
	want := []string{
		`line 3: keyring: no such key; did you mean keyRing?`,
		`line 4: region: it stands on line 2 already`,
		`line 5: nodes: a whole number, not the text "three"`,
		`line 6: diskGB: a whole number, not the number 3.5`,
		`line 7: publicLog: true or false, not the text "yes"`,
		`line 8: suffix: text, not the number 007; in quotes it is: "007"`,
		`line 9: zone: no value; without the line the default holds`,
		`line 10: namespace: text, not a group of keys`,
		`line 11: image: text, not a list`,
		`line 12: shpe: no such key; did you mean shape?`,
		`line 14: repository: text, not a reference (*here)`,
		`line 15: colour: no such key`,
		`line 17: a second document after "---": a setup is one`,
	}
	var got []string
	for _, w := range wrong {
		got = append(got, w.Error())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if a.Region != "europe-west1" || a.MachineType != "e2-small" || a.Cluster != "my-cluster" || a.Key != Defaults().Key {
		t.Errorf("the good lines were not taken: %+v", a)
	}
	if lines["region"] != 2 || lines["machineType"] != 16 || lines["key"] != 0 {
		t.Errorf("lines %v", lines)
	}
}

func TestReadAnswersOfWhatIsNoSetup(t *testing.T) {
	for file, want := range map[string]string{
		"":                                 "",
		"# nothing yet\n":                  "",
		"region":                           `line 1: lines such as "region: europe-west1", not the text "region"`,
		"- region: europe-west1":           `line 1: lines such as "region: europe-west1", not a list`,
		"a: b: c\n":                        "this is not YAML: mapping values are not allowed in this context",
		"region: x\n\tzone: y\n":           "line 2: this is not YAML: found a tab character that violates indentation",
		"zone: *nowhere\n":                 "this is not YAML: unknown anchor 'nowhere' referenced",
		"nodes: 99999999999999999999":      "line 1: nodes: a whole number, not the number 99999999999999999999",
		"? [a, b]\n: c\n":                  "line 1: a key's name, not a list",
		"project: |\n  x\n  y: \"\x00\"\n": "this is not YAML: control characters are not allowed",
		strings.Repeat("#", maxFile+1):     "it is larger than 1024 KiB: this is no config file",
	} {
		_, _, wrong := ReadAnswers([]byte(file), Defaults())
		got := ""
		for _, w := range wrong {
			got += w.Error()
		}
		if got != want {
			t.Errorf("%.40q: said %q, want %q", file, got, want)
		}
	}
}

// FuzzReadAnswers: whatever is in a file, an answer that it does not give stays as it was, and
// each that it does give has a line in the file.
func FuzzReadAnswers(f *testing.F) {
	f.Add("region: europe-west1\nnodes: 3\npublicLog: true\n")
	f.Add("a: &a [*a]\n<<: *a\n")
	f.Add("region: 'x'\nregion: y\n--- \n")
	f.Fuzz(func(t *testing.T, file string) {
		known := Defaults()
		a, lines, wrong := ReadAnswers([]byte(file), known)
		have, old := reflect.ValueOf(a), reflect.ValueOf(known)
		for i, q := range Questions() {
			at, given := lines[q.Key]
			if given && (at < 1 || at > strings.Count(file, "\n")+strings.Count(file, "\r")+strings.Count(file, "\u2028")+strings.Count(file, "\u2029")+strings.Count(file, "\u0085")+1) {
				t.Errorf("%s stands on line %d", q.Key, at)
			}
			if !given && !have.Field(i).Equal(old.Field(i)) {
				t.Errorf("%s changed without a line", q.Key)
			}
		}
		for _, w := range wrong {
			if w.Rule == "" {
				t.Errorf("a mistake without a rule: %+v", w)
			}
		}
	})
}
