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

// gateFault says what of the gate itself, policy and label aside, is not as it
// must be to refuse anything; nil if nothing.
func gateFault(ctx context.Context, c *kube.Cluster) (*problem.Problem, error) {
	if p, err := gateSpoiled(ctx, c); p != nil || err != nil {
		return p, err
	}
	return webhookDown(ctx, c)
}

// gateSpoiled says what somebody has done to the webhook that judges, or to its pods' number,
// so that it cannot refuse; nil if nothing.
func gateSpoiled(ctx context.Context, c *kube.Cluster) (*problem.Problem, error) {
	changed, err := gateParts(ctx, c, webhooks()[:1])
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	return changed[0], nil
}

// gateChanged says what of the gate has been changed by somebody: the webhooks'
// registrations, and the number of its pods.
func gateChanged(ctx context.Context, c *kube.Cluster) ([]*problem.Problem, error) {
	return gateParts(ctx, c, webhooks())
}

func gateParts(ctx context.Context, c *kube.Cluster, hooks []webhook) ([]*problem.Problem, error) {
	var all []*problem.Problem
	seen, err := registrations(ctx, c, hooks)
	if err != nil {
		return nil, err
	}
	for i, w := range hooks {
		if seen[i] != failsShut {
			all = append(all, w.problem(seen[i]))
		}
	}
	d, err := controllerPods(ctx, c)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		all = append(all, raise("gate-webhook-down", "deployment %s/%s is gone", controllerNamespace, controllerDeployment))
	case scaledToZero(d):
		all = append(all, raise("gate-webhook-down", "deployment %s/%s is scaled to zero", controllerNamespace, controllerDeployment))
	}
	return all, nil
}

// webhookDown says whether no pod is there to answer the webhook; nil if one is.
func webhookDown(ctx context.Context, c *kube.Cluster) (*problem.Problem, error) {
	d, err := controllerPods(ctx, c)
	if err != nil || d != nil && d.Status.AvailableReplicas > 0 {
		return nil, err
	}
	return raise("gate-webhook-down", "no pod of deployment %s/%s is available", controllerNamespace, controllerDeployment), nil
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
