package steps_test

import (
	"testing"

	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// A key outlives its setup: by itself it says nothing of a record that is lost.
func TestLostIsWhatMoreThanAKeyTells(t *testing.T) {
	on := func(kind string) state.Resource { return state.Resource{Kind: kind, Name: "projects/p/" + kind} }
	old, live := steps.Carried{Setup: "0000aaaa", On: on("cloudkms.cryptoKey")}, steps.Carried{Setup: "0000bbbb", On: on("container.cluster")}
	if id, _ := steps.Lost([]steps.Carried{old}); id != "" {
		t.Errorf("a key alone: %q", id)
	}
	if id, what := steps.Lost([]steps.Carried{old, live}); id != "0000bbbb" || what != "cluster container.cluster" {
		t.Errorf("%q %q", id, what)
	}
}
