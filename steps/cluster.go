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

// cluster is the Kubernetes cluster. Only one that this setup made is ever
// touched: a cluster of that name that is somebody else's blocks the setup.
type cluster struct{ cloud }

func (s cluster) Info() engine.Info {
	why := "its nodes act as the account made before, with just the scopes that checking signatures takes"
	if s.Federated() {
		why = "its nodes act as the account made before; its pods have identities of their own, so that what a node may do is no pod's"
	}
	changes := []string{"container.clusters.create", "container.clusters.delete"}
	if s.a.ExistingCluster { // a node pool in it is made and deleted
		changes = []string{"container.clusters.update"}
	}
	return engine.Info{
		ID: "cluster", Title: "Cluster", Needs: []string{"identity"},
		Why:         why,
		Permissions: append(changes, "container.clusters.get", "container.operations.get", "container.operations.list", "iam.serviceAccounts.actAs"),
	}
}

func (s cluster) resource() state.Resource {
	return state.Resource{Kind: "container.cluster", Name: s.Cluster()}
}

func (s cluster) get(ctx context.Context, l engine.Ledger) (*containerpb.Cluster, error) {
	c, err := lookUp(ctx, s.cloud, l, func(ctx context.Context) (*containerpb.Cluster, error) {
		return s.c.GKE.GetCluster(ctx, &containerpb.GetClusterRequest{Name: s.Cluster()})
	})
	if err != nil {
		return nil, fmt.Errorf("look up cluster %q: %w", s.ClusterID(), err)
	}
	return c, nil
}

func (s cluster) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.summary()
	c, err := s.get(ctx, l)
	if err != nil {
		return engine.Change{}, err
	}
	switch {
	case c == nil && s.a.ExistingCluster:
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: s.nowhere()}, nil
	case c == nil:
		return engine.Change{Action: engine.Create, Summary: summary}, nil
	case s.a.ExistingCluster:
		return s.inspectExisting(l, c), nil
	}
	if !ours(l, c.GetResourceLabels()) {
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: s.foreign(c)}, nil
	}
	finished := l.Entry(s.resource()).Phase == state.Made
	switch c.GetStatus() {
	case containerpb.Cluster_PROVISIONING:
		return engine.Change{Action: engine.Create, Summary: summary + " (being made)"}, nil
	case containerpb.Cluster_STOPPING:
		return engine.Change{Action: engine.Create, Summary: summary + " (the last one is being deleted)"}, nil
	case containerpb.Cluster_ERROR:
		if finished {
			return engine.Change{Action: engine.Blocked, Summary: summary, Problem: s.failed(c)}, nil
		}
		return engine.Change{Action: engine.Create, Summary: summary + " (the last attempt failed and is deleted first)"}, nil
	}
	if p := s.differs(c); p != nil {
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, nil
	}
	return settled(l, s.resource(), true, summary), nil
}

func (s cluster) foreign(c *containerpb.Cluster) *problem.Problem {
	p := raise("cluster-foreign", "cluster %q in %s is there already, and not from this setup", s.ClusterID(), s.ClusterLocation())
	if other := c.GetResourceLabels()[labelSetup]; other != "" {
		p.Why = "another signgate setup (" + other + ") made it"
		p.Fix = "if that was yours and its record is lost: " + adoptLine(other) + "; else choose another cluster name or a suffix (--suffix)"
		return p
	}
	p.Fix += "; or have signgate use it: --existing-cluster"
	if !s.Federated() && !c.GetAutopilot().GetEnabled() {
		p.Words = s.poolFaults(c)
		p.Fix += ", which gives it a node pool with the account and scopes that it needs, as by hand:\n" + s.poolCommand()
	}
	return p
}

func (s cluster) failed(c *containerpb.Cluster) *problem.Problem {
	p := raise("cluster-failed", "cluster %q is in the state %s", s.ClusterID(), c.GetStatus())
	words := []string{c.GetStatusMessage()} //nolint:staticcheck // conditions are its successor, but not always filled
	for _, condition := range c.GetConditions() {
		words = append(words, condition.GetMessage())
	}
	p.Words = problem.Clean(strings.TrimSpace(strings.Join(words, "\n")))
	return p
}

func (s cluster) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	if s.a.ExistingCluster {
		return s.applyExisting(ctx, l)
	}
	c, err := s.clear(ctx, l)
	if err != nil {
		return err
	}
	switch {
	case c == nil:
		err = s.create(ctx, l)
	case c.GetStatus() == containerpb.Cluster_PROVISIONING:
		err = s.rejoin(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("create cluster %q: %w", s.ClusterID(), err)
	}
	if c, err = s.get(ctx, l); err != nil {
		return err
	}
	switch {
	case c == nil:
		return fmt.Errorf("create cluster %q: it was made and is gone again", s.ClusterID())
	case c.GetStatus() == containerpb.Cluster_ERROR:
		return s.failed(c)
	}
	if p := s.differs(c); p != nil {
		return p
	}
	return l.Made(s.resource(), map[string]string{factID: c.GetId()})
}

// clear looks at what stands in the cluster's place: a failed attempt of ours is
// deleted and one being deleted is waited for; nil says that the place is free.
func (s cluster) clear(ctx context.Context, l engine.Ledger) (*containerpb.Cluster, error) {
	c, err := s.get(ctx, l)
	if err != nil || c == nil {
		return nil, err
	}
	if !ours(l, c.GetResourceLabels()) {
		return nil, s.foreign(c)
	}
	switch c.GetStatus() {
	case containerpb.Cluster_ERROR:
		if l.Entry(s.resource()).Phase == state.Made {
			return nil, s.failed(c)
		}
		notice(l, "the last attempt at cluster %q failed; deleting it before the next", s.ClusterID())
		return nil, s.delete(ctx, l)
	case containerpb.Cluster_STOPPING:
		return nil, s.delete(ctx, l)
	}
	return c, nil
}

func (s cluster) create(ctx context.Context, l engine.Ledger) error {
	if err := l.Intend(s.resource()); err != nil {
		return err
	}
	// The nodes' account may be too new for Kubernetes Engine to have heard of it.
	young := gcp.Retry{For: 2 * time.Minute, When: gcp.Unseen,
		Notice: func(error) { notice(l, "Kubernetes Engine does not know the new service account yet; waiting") }}
	var op *containerpb.Operation
	err := young.Do(ctx, func(ctx context.Context) error {
		return s.ask(ctx, l, func(ctx context.Context) (err error) {
			op, err = s.c.GKE.CreateCluster(ctx, &containerpb.CreateClusterRequest{Parent: s.ClusterParent(), Cluster: s.wanted(l)})
			return err
		})
	})
	// No answer, or a call repeated: what is being made may well be ours.
	if gcp.Lost(err) || gcp.Is(err, codes.AlreadyExists) {
		c, looked := s.get(ctx, l)
		switch {
		case looked != nil:
			return looked
		case c == nil:
			return err
		case !ours(l, c.GetResourceLabels()):
			return s.foreign(c)
		}
		return s.rejoin(ctx, l)
	}
	if err != nil {
		return err
	}
	name := gcp.GKEOperation(s.ClusterParent(), op.GetName())
	if err := l.Operation(s.resource(), name); err != nil {
		return err
	}
	return s.finish(ctx, l, name)
}

// rejoin waits for the operation that makes the cluster: the one that Kubernetes
// Engine says is at work, or how the one on record ended.
func (s cluster) rejoin(ctx context.Context, l engine.Ledger) error {
	name, err := s.c.RunningOperation(ctx, s.ClusterParent(), s.ClusterID())
	if err != nil {
		return err
	}
	recorded := l.Entry(s.resource()).Operation
	switch {
	case name == "" && recorded == "":
		return nil // it ended between two looks
	case name == "":
		name = recorded
	case name != recorded:
		if err := l.Intend(s.resource()); err != nil {
			return err
		}
		if err := l.Operation(s.resource(), name); err != nil {
			return err
		}
	}
	return s.finish(ctx, l, name)
}

func (s cluster) finish(ctx context.Context, l engine.Ledger, operation string) error {
	return s.c.FinishGKE(ctx, operation, func(stage gcp.Stage) {
		l.Report(engine.Event{Type: engine.TypeProgress, Text: stageText(stage.Name),
			Progress: &engine.Progress{Stage: stage.Name, Done: stage.Done, Total: stage.Total}})
	}, slow(l))
}

// stageText says GKE's stages in a person's words.
func stageText(stage string) string {
	switch stage {
	case "CLUSTER_CONFIGURING":
		return "configuring the control plane"
	case "CLUSTER_DEPLOYING":
		return "deploying control plane and nodes"
	case "CLUSTER_HEALTHCHECKING":
		return "checking that it is healthy"
	}
	return strings.ToLower(strings.ReplaceAll(stage, "_", " "))
}

// delete removes the cluster and waits until it is gone.
func (s cluster) delete(ctx context.Context, l engine.Ledger) error {
	err := s.onceFree(ctx, l, func(ctx context.Context) (*containerpb.Operation, error) {
		return s.c.GKE.DeleteCluster(ctx, &containerpb.DeleteClusterRequest{Name: s.Cluster()})
	})
	if err != nil && !gcp.NotFound(err) {
		return fmt.Errorf("delete cluster %q: %w", s.ClusterID(), err)
	}
	return nil
}

// onceFree begins an operation and waits for its end. A cluster that is being made, or is busy
// with something else, takes none: that is waited out.
func (s cluster) onceFree(ctx context.Context, l engine.Ledger, begin func(context.Context) (*containerpb.Operation, error)) error {
	return gcp.Retry{For: 30 * time.Minute, When: gcp.Busy,
		Notice: func(error) { notice(l, "cluster %q is busy with another operation; waiting for it", s.ClusterID()) },
	}.Do(ctx, func(ctx context.Context) error {
		op, err := begin(ctx)
		if err != nil {
			return err
		}
		return s.finish(ctx, l, gcp.GKEOperation(s.ClusterParent(), op.GetName()))
	})
}

// Undo deletes the cluster with everything in it. Load balancers and disks that
// workloads had asked for are theirs and stay.
func (s cluster) Undo(ctx context.Context, l engine.Ledger) error {
	if s.a.ExistingCluster {
		return s.undoExisting(ctx, l)
	}
	if !l.Entry(s.resource()).Ours() {
		return nil
	}
	c, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	if c != nil && !ours(l, c.GetResourceLabels()) {
		if p := s.unmarked(l, c); p != nil {
			return p
		}
		return leaveIt(l, s.resource(), "this setup has not made it, or made another of that name that is gone")
	}
	if c != nil {
		if err := s.delete(ctx, l); err != nil {
			return err
		}
	}
	return l.Gone(s.resource())
}
