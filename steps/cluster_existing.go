package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// A cluster that somebody else made is used only where the answers say so
// (existingCluster). It is never changed, but for one thing: scopes and account of a
// node pool cannot be changed, so it gets a node pool of this setup's, on which
// controller and signed image run, and which alone goes with the setup.

// poolName is that node pool's.
const poolName = "signgate-pool"

// poolLabel is by which Kubernetes Engine tells a node's pool.
const poolLabel = "cloud.google.com/gke-nodepool"

func (s cluster) poolResource() state.Resource {
	return state.Resource{Kind: "container.nodePool", Name: s.Cluster() + "/nodePools/" + poolName}
}

// ownPool says whether the setup has a node pool of its own in somebody else's cluster.
// Where pods have identities of their own, any node will do.
func (n Names) ownPool() bool { return n.a.ExistingCluster && !n.Federated() }

// selector is on which nodes the setup's pods are to run; nil for any.
func (n Names) selector() map[string]string {
	if !n.ownPool() {
		return nil
	}
	return map[string]string{poolLabel: poolName}
}

// inspectExisting is Inspect of a cluster that is to be there already.
func (s cluster) inspectExisting(l engine.Ledger, c *containerpb.Cluster) engine.Change {
	summary := s.summary()
	if p := s.unusable(l, c); p != nil {
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}
	}
	if !s.ownPool() {
		return settled(l, s.resource(), false, summary)
	}
	pool := pool(c)
	if pool == nil {
		return engine.Change{Action: engine.Create, Summary: fmt.Sprintf("node pool %q (%d × %s) in %s: %s", poolName, s.Nodes(), s.a.MachineType, summary, s.poolFaults(c))}
	}
	summary = fmt.Sprintf("node pool %q in %s", poolName, summary)
	switch pool.GetStatus() {
	case containerpb.NodePool_ERROR:
		if !s.anew(l, pool) {
			return engine.Change{Action: engine.Blocked, Summary: summary, Problem: s.poolFailed(pool)}
		}
		return engine.Change{Action: engine.Create, Summary: summary + " (the last attempt failed and is deleted first)"}
	case containerpb.NodePool_STOPPING:
		return engine.Change{Action: engine.Create, Summary: summary + " (the last one is being deleted)"}
	}
	if fault := s.faultsOf(pool); fault != "" {
		return blocked(summary, "cluster-differs", "%s", fault)
	}
	if pool.GetStatus() == containerpb.NodePool_PROVISIONING || l.Entry(s.resource()).Phase == "" {
		return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}
	}
	return settled(l, s.poolResource(), ours(l, pool.GetConfig().GetResourceLabels()), summary)
}

// unusable says why an existing cluster cannot be used at all.
func (s cluster) unusable(l engine.Ledger, c *containerpb.Cluster) *problem.Problem {
	switch other := another(l, c.GetResourceLabels()); {
	case other != "":
		return Clash("cluster "+s.ClusterID(), other)
	case c.GetStatus() != containerpb.Cluster_RUNNING && c.GetStatus() != containerpb.Cluster_RECONCILING:
		return raise("cluster-failed", "cluster %q is %s", s.ClusterID(), c.GetStatus())
	case c.GetAutopilot().GetEnabled() && !s.Federated():
		return raise("cluster-differs", "cluster %q is an Autopilot cluster: its pods have identities of their own, and nobody adds node pools (--shape autopilot)", s.ClusterID())
	case s.Federated() && c.GetWorkloadIdentityConfig().GetWorkloadPool() == "":
		return raise("cluster-differs", "the pods of cluster %q have no identities of their own (leave out --workload-identity)", s.ClusterID())
	}
	return nil
}

func pool(c *containerpb.Cluster) *containerpb.NodePool {
	for _, p := range c.GetNodePools() {
		if p.GetName() == poolName {
			return p
		}
	}
	return nil
}

// faultsOf says in a line what of a node pool is not as the controller needs it, "" if nothing.
func (s cluster) faultsOf(p *containerpb.NodePool) string {
	var faults []string
	s.poolDiffers(p, func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) })
	return strings.Join(faults, ", ")
}

// poolFaults says it of all of a cluster's, which cannot be changed.
func (s cluster) poolFaults(c *containerpb.Cluster) string {
	var all []string
	for _, p := range c.GetNodePools() {
		if fault := s.faultsOf(p); fault != "" {
			all = append(all, fault)
		}
	}
	if len(all) == 0 {
		return "so that its own pools are left alone"
	}
	return strings.Join(all, "; ") + ", and neither can be changed in a pool"
}

// applyExisting notes the cluster as found and gives it the node pool.
func (s cluster) applyExisting(ctx context.Context, l engine.Ledger) error {
	c, err := s.get(ctx, l)
	switch {
	case err != nil:
		return err
	case c == nil:
		return s.nowhere()
	}
	if p := s.unusable(l, c); p != nil {
		return p
	}
	if err := l.Found(s.resource(), nil); err != nil {
		return err
	}
	if !s.ownPool() {
		return nil
	}
	free, err := s.clearPool(ctx, l, pool(c))
	if err != nil {
		return err
	}
	if free {
		if err := s.addPool(ctx, l, c); err != nil {
			return fmt.Errorf("create node pool %q: %w", poolName, err)
		}
	}
	p, err := s.awaitPool(ctx, l)
	if err != nil {
		return fmt.Errorf("create node pool %q: %w", poolName, err)
	}
	return adopt(l, s.poolResource(), ours(l, p.GetConfig().GetResourceLabels()), nil)
}

// clearPool looks at what stands in the node pool's place: a failed attempt of ours is deleted
// and one being deleted is waited for. It says whether the place is free.
func (s cluster) clearPool(ctx context.Context, l engine.Ledger, p *containerpb.NodePool) (free bool, err error) {
	switch {
	case p == nil:
		return true, nil
	case p.GetStatus() == containerpb.NodePool_STOPPING:
		return true, s.deletePool(ctx, l)
	case p.GetStatus() != containerpb.NodePool_ERROR:
		return false, nil
	case !s.anew(l, p):
		return false, s.poolFailed(p)
	}
	notice(l, "the last attempt at node pool %q failed; deleting it before the next", poolName)
	return true, s.deletePool(ctx, l)
}

// anew says whether a failed node pool is an attempt of ours, on which nothing has ever run.
func (s cluster) anew(l engine.Ledger, p *containerpb.NodePool) bool {
	return l.Entry(s.poolResource()).Phase == state.Intended && ours(l, p.GetConfig().GetResourceLabels())
}

func (s cluster) poolFailed(p *containerpb.NodePool) *problem.Problem {
	failed := raise("pool-failed", "node pool %q is in the state %s", poolName, p.GetStatus())
	words := []string{p.GetStatusMessage()} //nolint:staticcheck // conditions are its successor, but not always filled
	for _, condition := range p.GetConditions() {
		words = append(words, condition.GetMessage())
	}
	failed.Words = problem.Clean(strings.TrimSpace(strings.Join(words, "\n")))
	failed.Fix = "look at it in the console; if nothing on it is needed any more, delete it, and signgate apply makes another:\n" +
		shell("gcloud", "container", "node-pools", "delete", poolName, "--cluster="+s.ClusterID(), s.placeFlag(), "--project="+s.ProjectID())
	return failed
}

func (s cluster) deletePool(ctx context.Context, l engine.Ledger) error {
	err := s.onceFree(ctx, l, func(ctx context.Context) (*containerpb.Operation, error) {
		return s.c.GKE.DeleteNodePool(ctx, &containerpb.DeleteNodePoolRequest{Name: s.poolResource().Name})
	})
	if err != nil && !gcp.NotFound(err) {
		return fmt.Errorf("delete node pool %q: %w", poolName, err)
	}
	return nil
}

func (s cluster) addPool(ctx context.Context, l engine.Ledger, c *containerpb.Cluster) error {
	if err := l.Intend(s.poolResource()); err != nil {
		return err
	}
	wanted := s.wanted(l).GetNodePools()[0]
	wanted.Name = poolName
	wanted.Config.ResourceLabels = labels(l)
	if c.GetWorkloadIdentityConfig().GetWorkloadPool() != "" { // whose pods would not act as the node
		wanted.Config.WorkloadMetadataConfig = &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GCE_METADATA}
	}
	passing := gcp.Retry{For: 10 * time.Minute, When: func(err error) bool { return gcp.Unseen(err) || gcp.Busy(err) },
		Notice: func(err error) { notice(l, "cluster %q takes no node pool yet, waiting: %v", s.ClusterID(), err) }}
	var op *containerpb.Operation
	err := passing.Do(ctx, func(ctx context.Context) (err error) {
		op, err = s.c.GKE.CreateNodePool(ctx, &containerpb.CreateNodePoolRequest{Parent: s.Cluster(), NodePool: wanted})
		return err
	})
	if gcp.Lost(err) || gcp.Is(err, codes.AlreadyExists) {
		return nil // it may be ours, whose answer was lost: it is looked at
	}
	if err != nil {
		return err
	}
	name := gcp.GKEOperation(s.ClusterParent(), op.GetName())
	if err := l.Operation(s.poolResource(), name); err != nil {
		return err
	}
	return s.finish(ctx, l, name)
}

// awaitPool waits until the node pool has nodes.
func (s cluster) awaitPool(ctx context.Context, l engine.Ledger) (p *containerpb.NodePool, err error) {
	err = gcp.Await(ctx, gcp.Wait{What: fmt.Sprintf("node pool %q", poolName), For: gcp.Longest, Slow: slow(l)}, func(ctx context.Context) (bool, error) {
		if p, err = s.c.GKE.GetNodePool(ctx, &containerpb.GetNodePoolRequest{Name: s.poolResource().Name}); err != nil {
			return false, err
		}
		if p.GetStatus() == containerpb.NodePool_ERROR {
			return false, s.poolFailed(p)
		}
		return p.GetStatus() != containerpb.NodePool_PROVISIONING, nil
	})
	return p, err
}

// undoExisting takes the node pool back, and leaves the cluster.
func (s cluster) undoExisting(ctx context.Context, l engine.Ledger) error {
	if !l.Entry(s.poolResource()).Ours() {
		return nil
	}
	c, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	p := pool(c)
	if lost := s.poolUnmarked(l, p); lost != nil {
		return lost
	}
	if p != nil && !ours(l, p.GetConfig().GetResourceLabels()) {
		return leaveIt(l, s.poolResource(), "it is not from this setup")
	}
	if p != nil {
		if err := s.deletePool(ctx, l); err != nil {
			return err
		}
	}
	return l.Gone(s.poolResource())
}

func (s cluster) nowhere() *problem.Problem {
	return raise("cluster-missing", "there is no cluster %q in %s to be used", s.ClusterID(), s.ClusterLocation())
}

// poolCommand is what a person would type for the node pool.
func (s cluster) poolCommand() string {
	words := []string{"gcloud", "container", "node-pools", "create", poolName, "--cluster=" + s.ClusterID(), s.placeFlag(), "--project=" + s.ProjectID()}
	words = append(words, s.nodeFlags()...)
	if s.Federated() {
		words = append(words, "--workload-metadata=GKE_METADATA")
	}
	return shell(words...)
}
