package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/signgate/signgate/sandbox/iam"
)

// Consistency is how long a change takes to be seen everywhere, in seconds.
type Consistency struct {
	Profile string  `json:"profile"`
	API     float64 `json:"api"`     // one that was switched on still answers SERVICE_DISABLED
	Account float64 `json:"account"` // policies and clusters do not know a new service account
	Policy  float64 `json:"policy"`  // one that was set is not in effect
	Key     float64 `json:"key"`     // a version's material is being generated
}

// The profiles of consistency.
const (
	Immediate = "immediate" // everything is seen at once
	Google    = "google"    // as on Google Cloud, or as long as the seconds say
)

// AsGoogle is about how long Google Cloud takes: its documents say "a few minutes" of
// an API, 60 seconds or more of an account, 2 minutes of a policy.
func AsGoogle() Consistency {
	return Consistency{Profile: Google, API: 60, Account: 60, Policy: 120, Key: 5}
}

// consistencyMax is the longest that anything may take: IAM's documents say 7 minutes or more.
const consistencyMax = 3600

// SetConsistency changes it for what happens from now on.
func (s *Sandbox) SetConsistency(c Consistency) error {
	switch c.Profile {
	case Google:
	case Immediate:
		c = Consistency{Profile: Immediate}
	default:
		return fmt.Errorf("there is no profile %q: %s or %s", c.Profile, Immediate, Google)
	}
	for _, seconds := range []float64{c.API, c.Account, c.Policy, c.Key} {
		if seconds < 0 || seconds > consistencyMax {
			return fmt.Errorf("a change takes from 0 to %d seconds, not %v", consistencyMax, seconds)
		}
	}
	s.iam.SetConsistency(iam.Consistency{EnableService: inSeconds(c.API), NewAccount: inSeconds(c.Account), Policy: inSeconds(c.Policy)})
	s.kms.SetPending(inSeconds(c.Key))
	s.set.keep(func(set *settings) { set.consistency = c })
	return nil
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// SetConsistency changes it in a running sandbox; it is forgotten when that ends.
func (r *Running) SetConsistency(ctx context.Context, c Consistency) error {
	return r.Call(ctx, http.MethodPost, "/consistency", c, nil)
}
