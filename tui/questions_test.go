package tui

import (
	"slices"
	"testing"

	"github.com/signgate/signgate/state"
)

// askedElsewhere are the questions that the form leaves to others, and to whom.
func askedElsewhere() map[string]string {
	return map[string]string{
		"project":         "the list of projects",
		"newProject":      "the list of projects, of an id that is none yet",
		"billingAccount":  "the list of billing accounts",
		"region":          "the list of regions",
		"existingCluster": "flag and config file only: it needs a cluster that the wizard cannot list",
	}
}

func TestTheFormAsksEachQuestionThatNobodyElseAsks(t *testing.T) {
	asked := map[string]int{}
	for _, f := range fields() {
		asked[f.Key]++
	}
	for _, q := range state.Questions() {
		_, left := askedElsewhere()[q.Key]
		switch n := asked[q.Key]; {
		case left && n > 0:
			t.Errorf("the form asks for %q, which is said to be asked elsewhere", q.Key)
		case !left && n != 1:
			t.Errorf("the form asks for %q %d times", q.Key, n)
		}
		delete(asked, q.Key)
	}
	for key := range asked {
		t.Errorf("the form asks for %q, which is no question", key)
	}
	for key, who := range askedElsewhere() {
		if !slices.ContainsFunc(state.Questions(), func(q state.Question) bool { return q.Key == key }) {
			t.Errorf("%q is left to %s, and is no question", key, who)
		}
	}
}

func TestOptionsAreAllThereAre(t *testing.T) {
	for _, f := range fields() {
		want := f.Of
		if _, yes := f.At(&state.Answers{}).(*bool); yes {
			want = []string{"no", "yes"}
		}
		var have []string
		for _, o := range f.options {
			have = append(have, o.value)
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: one can choose of %q, there are %q", f.Key, have, want)
		}
	}
}

// TestWhatIsSetIsGot: an answer of each kind comes back as it was given, and changes
// no other; a shape alone brings its size along.
func TestWhatIsSetIsGot(t *testing.T) {
	for _, f := range fields() {
		a := state.Defaults()
		text := "7"
		if f.options != nil {
			text = f.options[len(f.options)-1].value
		}
		f.set(&a, text)
		if got := f.get(a); got != text {
			t.Errorf("%s: set to %q it is %q", f.Key, text, got)
		}
		for _, other := range fields() {
			before, after := other.get(state.Defaults()), other.get(a)
			if other.Key != f.Key && before != after && f.Key != "shape" {
				t.Errorf("%s: set, %s is %q, was %q", f.Key, other.Key, after, before)
			}
		}
	}
}

func TestShapeBringsItsSize(t *testing.T) {
	row := map[string]field{}
	for _, f := range fields() {
		row[f.Key] = f
	}
	a := state.Defaults()
	for _, c := range []struct{ shape, nodes, disk, controller string }{
		{state.Guide, "3", "100", "no"}, {state.Regional, "1", "30", "no"}, {state.Autopilot, "1", "30", "yes"}, {state.Zonal, "1", "30", "no"},
	} {
		row["shape"].set(&a, c.shape)
		got := []string{row["nodes"].get(a), row["diskGB"].get(a), row["workloadIdentity"].get(a)}
		if !slices.Equal(got, []string{c.nodes, c.disk, c.controller}) {
			t.Errorf("%s: nodes, disk and controller are %q", c.shape, got)
		}
	}
}

func TestWhatIsNoNumberIsRefused(t *testing.T) {
	for _, f := range fields() {
		a := state.Defaults()
		if _, number := f.At(&a).(*int); !number {
			continue
		}
		for _, typed := range []string{"", "many", "-3", "99999999999999999999"} {
			f.set(&a, typed)
			if f.get(a) != "" || rules(a)[f.Key] == "" {
				t.Errorf("%s: %q is taken for %q", f.Key, typed, f.get(a))
			}
		}
	}
}
