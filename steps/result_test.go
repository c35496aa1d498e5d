package steps

import (
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

// Every answer decides something, and what was made by a changed one is found by it.
func TestDecidesKnowsEveryAnswer(t *testing.T) {
	if got := Decides("namespace"); len(got) != 2 {
		t.Errorf("the namespace decides %v", got)
	}
	if got := len(Decides("no such answer")); got != len(List(state.Defaults(), nil, Options{})) {
		t.Errorf("an answer nobody knows decides %d steps, want all", got)
	}
}
