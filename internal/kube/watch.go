package kube

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

const (
	pingAfter  = 15 * time.Second
	pingWithin = 10 * time.Second
	// A watch that was cut off is taken up again after a breath.
	breath = 200 * time.Millisecond
)

// Object names one object of the cluster. Namespace is "" for what has none.
type Object struct {
	Resource  schema.GroupVersionResource
	Namespace string
	Name      string
}

func (o Object) String() string {
	if o.Namespace == "" {
		return o.Resource.Resource + " " + o.Name
	}
	return o.Resource.Resource + " " + o.Namespace + "/" + o.Name
}

func (c *Cluster) of(o Object) dynamic.ResourceInterface {
	if o.Namespace == "" {
		return c.Dynamic.Resource(o.Resource)
	}
	return c.Dynamic.Resource(o.Resource).Namespace(o.Namespace)
}

// Get reads an object; nil without an error if it, or its whole kind, is not there.
func (c *Cluster) Get(ctx context.Context, o Object) (*unstructured.Unstructured, error) {
	got, err := c.of(o).Get(ctx, o.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", o, err)
	}
	return got, nil
}

// Await watches an object until done says so. done sees the object as it is at
// first, nil where there is none, and then each change of it. How long to wait is
// the context's business.
func (c *Cluster) Await(ctx context.Context, o Object, done func(*unstructured.Unstructured) (bool, error)) error {
	for {
		ok, err := c.await(ctx, o, done)
		if ok || err != nil {
			return err
		}
		select { // the server ends every watch after a while
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(breath):
		}
	}
}

// await is one list and one watch after it; false without an error if the watch ended before done.
func (c *Cluster) await(ctx context.Context, o Object, done func(*unstructured.Unstructured) (bool, error)) (bool, error) {
	only := metav1.ListOptions{FieldSelector: "metadata.name=" + o.Name}
	list, err := c.of(o).List(ctx, only)
	switch {
	case apierrors.IsNotFound(err): // not even its kind
		return done(nil)
	case err != nil && passing(err):
		return false, ctx.Err()
	case err != nil:
		return false, fmt.Errorf("watch %s: %w", o, err)
	}
	var now *unstructured.Unstructured
	if len(list.Items) > 0 {
		now = &list.Items[0]
	}
	if ok, err := done(now); ok || err != nil {
		return ok, err
	}
	only.ResourceVersion = list.GetResourceVersion()
	w, err := c.of(o).Watch(ctx, only)
	if err != nil {
		if passing(err) || apierrors.IsNotFound(err) {
			return false, ctx.Err()
		}
		return false, fmt.Errorf("watch %s: %w", o, err)
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case event, open := <-w.ResultChan():
			if !open || event.Type == watch.Error {
				return false, nil
			}
			now, _ := event.Object.(*unstructured.Unstructured)
			if event.Type == watch.Deleted {
				now = nil
			}
			if ok, err := done(now); ok || err != nil {
				return ok, err
			}
		}
	}
}

// passing says whether the API server is only too busy, or just not there for a moment.
func passing(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

// AwaitGone waits until an object is not there any more.
func (c *Cluster) AwaitGone(ctx context.Context, o Object) error {
	return c.Await(ctx, o, func(now *unstructured.Unstructured) (bool, error) { return now == nil, nil })
}
