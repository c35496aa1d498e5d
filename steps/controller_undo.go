package steps

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
)

// takeBack undoes what a step made in the cluster. Where the cluster is gone, so is that.
func (s inside) takeBack(ctx context.Context, l engine.Ledger, undo func(context.Context, *kube.Cluster) error) error {
	it, err := cluster{s.cloud}.get(ctx, l)
	if err == nil && it != nil {
		err = s.takeOut(ctx, l, it, undo)
	}
	if err != nil {
		return err
	}
	for _, e := range l.Entries() {
		if e.Ours() {
			if err := l.Gone(e.Resource); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOut undoes it in a cluster that is there. A cluster that is deleted afterwards need not
// be asked: where it does not answer, or does not let us, it takes along what is in it.
func (s inside) takeOut(ctx context.Context, l engine.Ledger, it *containerpb.Cluster, undo func(context.Context, *kube.Cluster) error) error {
	c, err := s.answering(ctx, it)
	if err == nil && c != nil {
		within, cancel := context.WithTimeout(ctx, s.within())
		defer cancel()
		err = undo(within, c)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if s.a.ExistingCluster || !ours(l, it.GetResourceLabels()) || !outOfReach(err) {
		return err
	}
	notice(l, "this goes with the cluster, which does not remove it now: %s", problem.From(err).What)
	return nil
}

// outOfReach says whether a cluster's API has not answered, or refuses us.
func outOfReach(err error) bool {
	return slices.Contains([]string{"unreachable", "timeout", "cluster-unreachable", "service-unavailable",
		"kubernetes-forbidden", "permission-denied", "not-signed-in"}, problem.From(err).ID)
}

// answering gives a client of a cluster that answers; nil where it is about to be gone, or
// goes with the setup without ever having run.
func (s inside) answering(ctx context.Context, it *containerpb.Cluster) (*kube.Cluster, error) {
	switch status := it.GetStatus(); {
	case status == containerpb.Cluster_RUNNING, status == containerpb.Cluster_RECONCILING, status == containerpb.Cluster_DEGRADED:
	case s.a.ExistingCluster && status != containerpb.Cluster_STOPPING:
		return nil, raise("cluster-failed", "cluster %q is %s", s.ClusterID(), status)
	default:
		return nil, nil
	}
	c, err := s.to.dial(s.cloud, it)
	if err != nil {
		return nil, err
	}
	if err := s.to.answers(ctx, c); err != nil {
		return nil, fmt.Errorf("ask cluster %q: %w", s.ClusterID(), err)
	}
	return c, nil
}

// answerWithin is how long a cluster may take to say that it is there: a connection through
// every proxy, and a control plane at its busiest.
const answerWithin = 15 * time.Second

// answers asks the cluster, once for all steps, whether it is there; that it refuses us is an answer.
func (r *reached) answers(ctx context.Context, c *kube.Cluster) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked {
		return r.silent
	}
	within, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := c.Core.Discovery().RESTClient().Get().AbsPath("/version").Do(within).Error()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if apierrors.ReasonForError(err) != "" { // its own word
		err = nil
	}
	r.asked, r.silent = true, err
	return err
}
