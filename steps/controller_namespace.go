package steps

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
)

func namespaceResource(name string) state.Resource {
	return state.Resource{Kind: "kubernetes.namespace", Name: name}
}

// namespaceWithin is how long a namespace that is being removed may take: Kubernetes looks
// again at longer and longer intervals at what is still in it. One whose finalizer nobody
// answers stays for ever.
const namespaceWithin = 10 * time.Minute

// ensureNamespace makes a namespace with our labels and more, if it is not there.
func ensureNamespace(ctx context.Context, c *kube.Cluster, l engine.Ledger, name string, more map[string]string) error {
	r := namespaceResource(name)
	have, err := c.Core.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil && have.DeletionTimestamp != nil: // the last one: its pods may take their time
		notice(l, "the last namespace %q is still being removed; waiting", name)
		within, cancel := context.WithTimeout(ctx, namespaceWithin)
		defer cancel()
		if err := c.AwaitGone(within, kube.NamespaceObject(name)); err != nil {
			return fmt.Errorf("wait until namespace %q is gone: %w", name, err)
		}
	case err == nil:
		return adopt(l, r, ours(l, have.Labels), nil)
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("look up namespace %q: %w", name, err)
	}
	if err := l.Intend(r); err != nil {
		return err
	}
	all := labels(l)
	maps.Copy(all, more)
	_, err = c.Core.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all}}, metav1.CreateOptions{FieldManager: kube.Manager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %q: %w", name, err)
	}
	return l.Made(r, nil)
}

// removeNamespace takes a namespace away if we made it and it still says so. It is
// not waited for: policy-controller's pods end most of a minute after they are told to.
func removeNamespace(ctx context.Context, c *kube.Cluster, l engine.Ledger, name string) error {
	r := namespaceResource(name)
	if !l.Entry(r).Ours() {
		return nil
	}
	have, err := c.Core.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("look up namespace %q: %w", name, err)
	case ours(l, have.Labels):
		if err := c.DeleteSoon(ctx, kube.NamespaceObject(name)); err != nil {
			return err
		}
	default:
		return leaveIt(l, r, notLabelled)
	}
	return l.Gone(r)
}
