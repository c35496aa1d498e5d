package steps

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
)

// awaitWebhooks waits until the controller has written into each webhook what it is
// to be asked about and which certificate it answers with. Until then the API
// server asks it nothing. Helm has just put them: one that is not there will not come.
func awaitWebhooks(ctx context.Context, c *kube.Cluster) error {
	for _, w := range webhooks() {
		err := c.Await(ctx, w.Object, func(now *unstructured.Unstructured) (bool, error) {
			if now == nil {
				return false, w.problem("")
			}
			return served(now), nil
		})
		if err != nil {
			return fmt.Errorf("wait for %s: %w", w.Object, err)
		}
	}
	return nil
}

func served(config *unstructured.Unstructured) bool {
	hooks, _, _ := unstructured.NestedSlice(config.Object, "webhooks")
	for _, hook := range hooks {
		h, _ := hook.(map[string]any)
		ca, _, _ := unstructured.NestedString(h, "clientConfig", "caBundle")
		rules, _, _ := unstructured.NestedSlice(h, "rules")
		if ca == "" || len(rules) == 0 {
			return false
		}
	}
	return len(hooks) > 0
}

// gate is what there is of what refuses, policy and label aside.
type gate struct {
	changed []*problem.Problem // by somebody: the webhooks' registrations, the number of its pods
	pods    *appsv1.Deployment // of the policy controller; nil if it is gone
}

// seeGate looks at some webhooks and at the pods that answer them.
func seeGate(ctx context.Context, c *kube.Cluster, hooks []webhook) (gate, error) {
	var g gate
	seen, err := registrations(ctx, c, hooks)
	if err != nil {
		return g, err
	}
	for i, w := range hooks {
		if seen[i] != failsShut {
			g.changed = append(g.changed, w.problem(seen[i]))
		}
	}
	if g.pods, err = controllerPods(ctx, c); err != nil {
		return g, err
	}
	switch {
	case g.pods == nil:
		g.changed = append(g.changed, raise("gate-webhook-down", "deployment %s/%s is gone", controllerNamespace, controllerDeployment))
	case scaledToZero(g.pods):
		g.changed = append(g.changed, raise("gate-webhook-down", "deployment %s/%s is scaled to zero", controllerNamespace, controllerDeployment))
	}
	return g, nil
}

// gateFault says what of the webhook that judges, or of its pods, is not as it must be to
// refuse anything; nil if nothing.
func gateFault(ctx context.Context, c *kube.Cluster) (*problem.Problem, error) {
	g, err := seeGate(ctx, c, webhooks()[:1])
	switch {
	case err != nil:
		return nil, err
	case len(g.changed) > 0:
		return g.changed[0], nil
	}
	return podDown(g.pods), nil
}

// gateSpoiled says what somebody has done to the webhook that judges, or to its pods' number,
// so that it cannot refuse; nil if nothing.
func gateSpoiled(ctx context.Context, c *kube.Cluster) (*problem.Problem, error) {
	g, err := seeGate(ctx, c, webhooks()[:1])
	if err != nil || len(g.changed) == 0 {
		return nil, err
	}
	return g.changed[0], nil
}

// podDown says that no pod is there to answer the webhook; nil if one is.
func podDown(d *appsv1.Deployment) *problem.Problem {
	if d != nil && d.Status.AvailableReplicas > 0 {
		return nil
	}
	return raise("gate-webhook-down", "no pod of deployment %s/%s is available", controllerNamespace, controllerDeployment)
}

// scaledToZero says whether somebody wants no pod of a deployment that is there.
func scaledToZero(d *appsv1.Deployment) bool {
	return d != nil && d.Spec.Replicas != nil && *d.Spec.Replicas == 0
}

// controllerPods is the controller's Deployment; nil if it is not there.
func controllerPods(ctx context.Context, c *kube.Cluster) (*appsv1.Deployment, error) {
	d, err := c.Core.AppsV1().Deployments(controllerNamespace).Get(ctx, controllerDeployment, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up the policy controller: %w", err)
	}
	return d, nil
}

// gone makes success of an answer that the thing is not there.
func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
