package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
)

// The controller's parts take turns by leases of 60 seconds (knative's default). One that ends in
// order gives its lease up; but it drains for 45 seconds first (knative's
// network.DefaultDrainTimeout, which nothing sets otherwise), so a namespace with its pod takes
// as long to go. One that was killed, or whose roles went before it, gives nothing up.

// removeLeases takes away the leases of a controller that is gone. Its roles went
// before it could let go of them; the next one, waiting for them to run out, would
// have no certificate in time and be restarted for it, again and again. The chart
// has a hook for this, whose image comes from a registry of its own.
func removeLeases(ctx context.Context, c *kube.Cluster) error {
	all, err := controllerLeases(ctx, c)
	if err != nil {
		return err
	}
	return deleteLeases(ctx, c, all)
}

func deleteLeases(ctx context.Context, c *kube.Cluster, all []coordinationv1.Lease) error {
	for _, lease := range all {
		if err := gone(c.Core.CoordinationV1().Leases(controllerNamespace).Delete(ctx, lease.Name, metav1.DeleteOptions{})); err != nil {
			return fmt.Errorf("remove lease %s: %w", lease.Name, err)
		}
	}
	return nil
}

func controllerLeases(ctx context.Context, c *kube.Cluster) ([]coordinationv1.Lease, error) {
	all, err := c.Core.CoordinationV1().Leases(controllerNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list leases in %s: %w", controllerNamespace, err)
	}
	return slices.DeleteFunc(all.Items, func(l coordinationv1.Lease) bool { return !strings.HasPrefix(l.Name, controllerRelease+".") }), nil
}

// freeLeases takes away leases that no living controller holds: those that were renewed last
// before every one that runs now had started, and all where none runs. The one that runs would do
// nothing, and let no policy go, for a minute longer. A controller of somebody else's is left to itself.
func freeLeases(ctx context.Context, c *kube.Cluster, l engine.Ledger) error {
	first, ok, err := firstStart(ctx, c)
	if err != nil || !ok {
		return err
	}
	all, err := controllerLeases(ctx, c)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(l coordinationv1.Lease) bool {
		return !first.IsZero() && (l.Spec.RenewTime == nil || !l.Spec.RenewTime.Time.Before(first))
	})
	if len(all) == 0 {
		return nil
	}
	if rel, err := c.Release(ctx, controllerNamespace, controllerRelease); err != nil || rel == nil || !ours(l, rel.Labels) {
		return err
	}
	return deleteLeases(ctx, c, all)
}

// firstStart is when the first of the controllers that run now was started, the zero time where none
// runs. ok is false where that cannot be said: one is ending and may hold its leases still.
func firstStart(ctx context.Context, c *kube.Cluster) (first time.Time, ok bool, err error) {
	d, err := controllerPods(ctx, c)
	if err != nil || d == nil {
		return first, false, err
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return first, false, err
	}
	pods, err := c.Core.CoreV1().Pods(controllerNamespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return first, false, fmt.Errorf("list the policy controller's pods: %w", err)
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil {
			return first, false, nil
		}
		for _, container := range pod.Status.ContainerStatuses {
			if at := started(container); !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first, true, nil
}

func started(c corev1.ContainerStatus) time.Time {
	if c.State.Running == nil {
		return time.Time{}
	}
	return c.State.Running.StartedAt.Time
}
