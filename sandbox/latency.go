package sandbox

import (
	"context"
	"fmt"
	"net/http"

	"github.com/signgate/signgate/sandbox/gke"
	"github.com/signgate/signgate/sandbox/kms"
)

// Latency is how long what takes time on Google Cloud takes here: clusters and keys.
// The work itself takes its own time on top of none.
type Latency struct {
	Profile string  `json:"profile"`
	Factor  float64 `json:"factor"` // of the times of Real; 1 where it is 0
}

// The profiles of latency.
const (
	Instant = "instant" // as fast as it can be
	Demo    = "demo"    // a cluster in about 20 s, so that people can watch
	Real    = "real"    // a cluster in about 6 minutes, as on Google Cloud, times the factor
)

// SetLatency changes it for what is begun from now on. The error names the profiles.
func (s *Sandbox) SetLatency(l Latency) error {
	if l.Factor == 0 {
		l.Factor = 1
	}
	if l.Factor < 0 || l.Factor > 100 {
		return fmt.Errorf("the factor is more than 0 and at most 100, not %v", l.Factor)
	}
	switch l.Profile {
	case Instant:
		s.gke.SetLatency(gke.Latency{})
		s.kms.SetLatency(kms.Latency{})
	case Demo:
		s.gke.SetLatency(gke.Demo())
		s.kms.SetLatency(kms.Demo())
	case Real:
		s.gke.SetLatency(gke.Real(l.Factor))
		s.kms.SetLatency(kms.Real(l.Factor))
	default:
		return fmt.Errorf("there is no profile %q: %s, %s or %s", l.Profile, Instant, Demo, Real)
	}
	s.set.keep(func(c *settings) { c.latency = l })
	return nil
}

// SetLatency changes it in a running sandbox; it is forgotten when that ends.
func (r *Running) SetLatency(ctx context.Context, l Latency) error {
	return r.Call(ctx, http.MethodPost, "/latency", l, nil)
}
