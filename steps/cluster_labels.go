package steps

import (
	"context"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// A cluster is known for the setup's own by its labels, which somebody may take off. It is
// not deleted then, and never forgotten either: it costs money while it is there.

// factID is under which the record keeps the id that Google gave the cluster. Another
// cluster of the same name has another.
const factID = "id"

// Removable says why a cluster, or a node pool, that this setup made must not be removed: then
// nothing is, since all else is known by the record, which goes last.
func (s cluster) Removable(ctx context.Context, l engine.Ledger) error {
	c, err := s.get(ctx, l)
	if err != nil || c == nil {
		return err
	}
	p := s.unmarked(l, c)
	if s.a.ExistingCluster {
		p = s.poolUnmarked(l, pool(c))
	}
	if p == nil {
		return nil
	}
	return p
}

// unmarked is the problem of a cluster that may be the one which this setup made, and
// does not say so any more; nil if there is none.
func (s cluster) unmarked(l engine.Ledger, c *containerpb.Cluster) *problem.Problem {
	e := l.Entry(s.resource())
	another := e.Facts[factID] != "" && c.GetId() != "" && c.GetId() != e.Facts[factID]
	if e.Phase != state.Made || ours(l, c.GetResourceLabels()) || another {
		return nil
	}
	return s.unlabelled("cluster \""+s.ClusterID()+"\"", c.GetResourceLabels(), s.relabel(l))
}

// poolUnmarked is the same of the node pool in somebody else's cluster. A pool that names
// another setup was made by that one: labels of pools are given when they are made.
func (s cluster) poolUnmarked(l engine.Ledger, p *containerpb.NodePool) *problem.Problem {
	have := p.GetConfig().GetResourceLabels()
	if p == nil || l.Entry(s.poolResource()).Phase != state.Made || ours(l, have) || another(l, have) != "" {
		return nil
	}
	return s.unlabelled("node pool \""+poolName+"\"", have, shell("gcloud", "container", "node-pools", "update", poolName, "--cluster="+s.ClusterID(),
		s.placeFlag(), "--project="+s.ProjectID(), "--labels="+labelFlag(l)))
}

func (s cluster) unlabelled(what string, have map[string]string, command string) *problem.Problem {
	p := raise("cluster-unlabelled", "%s does not say any more that it is this setup's", what)
	if other := have[labelSetup]; other != "" {
		p.Words = "its labels name another setup: " + other
	}
	p.Fix = "nothing was removed; if it is this setup's, label it again, then run again:\n" + command
	return p
}

// relabel is the command that gives the cluster its labels again.
func (s cluster) relabel(l engine.Ledger) string {
	return shell("gcloud", "container", "clusters", "update", s.ClusterID(), s.placeFlag(), "--project="+s.ProjectID(), "--update-labels="+labelFlag(l))
}

func labelFlag(l engine.Ledger) string {
	return labelManager + "=" + manager + "," + labelSetup + "=" + l.Setup()
}
