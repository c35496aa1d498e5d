package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Manager is whose fields signgate's are, in an object's managedFields.
const Manager = "signgate"

// Apply makes an object as wanted by a server-side apply: what the server, or
// somebody else, added beyond it stays.
func (c *Cluster) Apply(ctx context.Context, o Object, want *unstructured.Unstructured) error {
	if _, err := c.of(o).Apply(ctx, o.Name, want, metav1.ApplyOptions{FieldManager: Manager, Force: true}); err != nil {
		return fmt.Errorf("apply %s: %w", o, err)
	}
	return nil
}

// Replace makes an object's spec, labels and annotations just as wanted: what somebody else added goes.
func (c *Cluster) Replace(ctx context.Context, o Object, want *unstructured.Unstructured) error {
	now, err := c.of(o).Get(ctx, o.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return c.Apply(ctx, o, want)
	}
	if err == nil {
		now.Object["spec"] = want.Object["spec"]
		now.SetLabels(want.GetLabels())
		now.SetAnnotations(want.GetAnnotations())
		_, err = c.of(o).Update(ctx, now, metav1.UpdateOptions{FieldManager: Manager})
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", o, err)
	}
	return nil
}

// DeleteSoon asks for an object's removal and does not wait for it. Gone already is success.
func (c *Cluster) DeleteSoon(ctx context.Context, o Object) error {
	background := metav1.DeletePropagationBackground
	err := c.of(o).Delete(ctx, o.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", o, err)
	}
	return nil
}

// Delete removes an object, with what belongs to it, and waits until it is gone. Gone already is success.
func (c *Cluster) Delete(ctx context.Context, o Object) error {
	if err := c.DeleteSoon(ctx, o); err != nil {
		return err
	}
	if err := c.AwaitGone(ctx, o); err != nil {
		return fmt.Errorf("wait until %s is gone: %w", o, err)
	}
	return nil
}

// NamespaceObject names a namespace.
func NamespaceObject(name string) Object {
	return Object{Resource: corev1.SchemeGroupVersion.WithResource("namespaces"), Name: name}
}
