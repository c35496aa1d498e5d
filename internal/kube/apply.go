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
func (c *Cluster) Apply(ctx context.Context, o Object, want *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	got, err := c.of(o).Apply(ctx, o.Name, want, metav1.ApplyOptions{FieldManager: Manager, Force: true})
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", o, err)
	}
	return got, nil
}

// Delete removes an object, with what belongs to it, and waits until it is gone. Gone already is success.
func (c *Cluster) Delete(ctx context.Context, o Object) error {
	background := metav1.DeletePropagationBackground
	err := c.of(o).Delete(ctx, o.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", o, err)
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
