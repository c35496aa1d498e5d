package steps_test

import (
	"testing"

	"github.com/signgate/signgate/steps"
)

// try asks about images without running any.
func (s *setup) try(t *testing.T) {
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	for _, c := range []struct{ name, image, actual, reason string }{
		{"signed", b.ref(steps.PinImageDigest), steps.Admitted, steps.ReasonSigned},
		{"signed, by its tag", b.n.ImageName() + ":" + b.n.ImageTag(), steps.Admitted, steps.ReasonSigned},
		{"not signed", b.ref(steps.PinUnsignedDigest), steps.Denied, steps.ReasonUnsigned},
		{"by another key", b.ref(steps.PinWrongKeyDigest), steps.Denied, steps.ReasonWrongKey},
		{"no policy", "nginx", steps.Denied, steps.ReasonNoPolicy},
		{"not there", b.n.ImageName() + ":no-such-tag", steps.Denied, steps.ReasonUnresolved},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := steps.Try(t.Context(), s.answers, s.clients, c.image)
			if err != nil {
				t.Fatal(explained(err))
			}
			if v.Actual != c.actual || v.Reason != c.reason || v.Message == "" || v.OK != (c.actual == steps.Admitted) {
				t.Errorf("got %+v, want %s because %s", v, c.actual, c.reason)
			}
		})
	}
	if _, err := steps.Try(t.Context(), s.answers, s.clients, "no image!"); err == nil {
		t.Error("what is no image was tried")
	}
}
