package steps

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/signgate/signgate/state"
)

func TestResultInAWord(t *testing.T) {
	rec := state.Record{Answers: state.Defaults(), Pins: map[string]string{PinKeyVersion: "1", PinImageDigest: "sha256:" + strings.Repeat("4c1c", 16)}}
	rec.Answers.Project = "acme-demo"
	for range 6 {
		rec.Entries = append(rec.Entries, state.Entry{Step: "identity", Phase: state.Made, Resource: state.Resource{Kind: "iam.binding"}})
	}
	for step, want := range map[string]string{
		"project": "acme-demo", "apis": "", "keyring": "cosign", "key": "cosign v1", "image": "nginx sha256:4c1c4c1c…",
		"identity": "6 grants", "cluster": "cosign-test-cluster", "enforcement": "namespace default", "proof": "",
	} {
		if got := Result(rec, step); got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	rec.Pins = nil
	if got := Result(rec, "key"); got != "cosign" {
		t.Errorf("a key without a version: %q", got)
	}
}

// What a step would do differently with another answer, it has made by that answer: the
// commands of each step are its things in full, and change with nothing else.
func TestDecidesKnowsEveryAnswer(t *testing.T) {
	base := state.Defaults()
	base.Project, base.BillingAccount = "acme-demo", "billingAccounts/012345-6789AB-CDEF01"
	federated := base
	federated.WorkloadIdentity = true
	commands := func(a state.Answers) map[string][]string {
		all := map[string][]string{}
		for _, s := range List(a, nil, Options{}) {
			all[s.Info().ID] = s.Commands()
		}
		return all
	}
	for _, before := range []state.Answers{base, federated} {
		for _, q := range state.Questions() {
			after := before
			switch at := q.At(&after).(type) {
			case *string:
				*at = "other"
				if len(q.Of) > 0 {
					*at = q.Of[len(q.Of)-1]
				}
			case *int:
				*at += 7
			case *bool:
				*at = !*at
			}
			was, is, decided := commands(before), commands(after), Decides(q.Key)
			if before.Federated() != after.Federated() {
				decided = append(decided, Decides("workloadIdentity")...)
			}
			for _, id := range slices.Concat(slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is))) {
				if !slices.Equal(was[id], is[id]) && !slices.Contains(decided, id) {
					t.Errorf("%s changes step %s, and does not decide it: %q is %q", q.Key, id, was[id], is[id])
				}
			}
		}
	}
	if got := len(Decides("no such answer")); got != len(List(federated, nil, Options{})) {
		t.Errorf("an answer nobody knows decides %d steps, want all", got)
	}
}
