package sandbox

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/signgate/signgate/sandbox/gke"
	"github.com/signgate/signgate/sandbox/iam"
)

// Quota limits what projects may use, by the names of QuotaNames. What is not named has
// no limit.
type Quota map[string]float64

// QuotaNames are the limits that there are.
func QuotaNames() []string {
	return slices.Sorted(slices.Values(append(gke.Limits(), iam.Limits()...)))
}

// NewProject is the quota of a new project on Google Cloud: the nine nodes of the
// guide's cluster do not fit.
func NewProject() Quota { return gke.NewProject() }

// SetQuota sets the limits for what is made from now on, and lifts all others.
func (s *Sandbox) SetQuota(q Quota) error {
	regions, world := map[string]float64{}, map[string]float64{}
	for name, limit := range q {
		switch {
		case limit < 0:
			return fmt.Errorf("the limit %s is 0 or more, not %v", name, limit)
		case slices.Contains(gke.Limits(), name):
			regions[name] = limit
		case slices.Contains(iam.Limits(), name):
			world[name] = limit
		default:
			return fmt.Errorf("there is no limit %q: %s", name, strings.Join(QuotaNames(), ", "))
		}
	}
	s.gke.SetQuota(regions)
	s.iam.SetQuota(world)
	s.set.keep(func(c *settings) { c.quota = maps.Clone(q) })
	return nil
}

// SetQuota does it in a running sandbox; it is forgotten when that ends.
func (r *Running) SetQuota(ctx context.Context, q Quota) error {
	return r.Call(ctx, http.MethodPost, "/quota", q, nil)
}
