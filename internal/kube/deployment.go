package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// DeploymentObject names a Deployment.
func DeploymentObject(namespace, name string) Object {
	return Object{Resource: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: namespace, Name: name}
}

// NotAvailableError says that a Deployment did not come to run, and what its pods say about it.
type NotAvailableError struct {
	Object Object
	Pods   []string // one line each
	Err    error
}

func (e *NotAvailableError) Error() string {
	text := fmt.Sprintf("%s is not available", e.Object)
	if len(e.Pods) > 0 {
		return text + ": " + strings.Join(e.Pods, "; ")
	}
	return text + ": " + e.Err.Error()
}

func (e *NotAvailableError) Unwrap() error { return e.Err }

// Available says whether all replicas of a Deployment run as it is now.
func Available(d *appsv1.Deployment) bool {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	return want > 0 && d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas >= want && d.Status.AvailableReplicas >= want
}

// complainEvery is how often it is told what a Deployment's pods wait for.
const complainEvery = 3 * time.Second

// AwaitAvailable waits until a Deployment is Available, telling how many of its pods are ready
// and, while that takes longer, what they wait for; that is in the error where the context ends first.
func (c *Cluster) AwaitAvailable(ctx context.Context, namespace, name string, tell func(string)) error {
	object := DeploymentObject(namespace, name)
	tell = changes(tell)
	complaining, stop := context.WithCancel(ctx)
	var aside sync.WaitGroup
	aside.Go(func() { c.complain(complaining, namespace, name, tell) })
	defer aside.Wait()
	defer stop()
	err := c.Await(ctx, object, func(now *unstructured.Unstructured) (bool, error) {
		if now == nil {
			return false, nil
		}
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(now.Object, &d); err != nil {
			return false, fmt.Errorf("read %s: %w", object, err)
		}
		tell(fmt.Sprintf("%d of %d ready", d.Status.ReadyReplicas, max(d.Status.Replicas, 1)))
		return Available(&d), stuck(&d)
	})
	var gaveUp *stuckError
	if err == nil || ctx.Err() == nil && !errors.As(err, &gaveUp) {
		return err // nil, or none of the Deployment's: it could not be looked at
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), complaintsWithin)
	defer cancel()
	return &NotAvailableError{Object: object, Pods: c.complaints(after, namespace, name), Err: err}
}

// changes tells a text if it is another than the one before, one at a time.
func changes(tell func(string)) func(string) {
	var mu sync.Mutex
	last := ""
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if text != last {
			last = text
			tell(text)
		}
	}
}

// complaintsWithin is how long it may take to hear, at the end, what pods wait for: by a busy
// cluster, and with a person waiting who has told it to stop.
const complaintsWithin = 5 * time.Second

// complain tells now and then what keeps a Deployment's pods from running.
func (c *Cluster) complain(ctx context.Context, namespace, name string, tell func(string)) {
	every := time.NewTicker(complainEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if all := c.complaints(ctx, namespace, name); len(all) > 0 && ctx.Err() == nil {
			tell(strings.Join(all, "; "))
		}
	}
}

// stuckError is Kubernetes' own giving up (progressDeadlineSeconds).
type stuckError struct{ reason, message string }

func (e *stuckError) Error() string { return e.reason + ": " + e.message }

// stuck says whether Kubernetes has given up.
func stuck(d *appsv1.Deployment) error {
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse && d.Status.ObservedGeneration >= d.Generation {
			return &stuckError{condition.Reason, condition.Message}
		}
	}
	return nil
}

// complaints are what keeps a Deployment's pods from running, in Kubernetes' words.
func (c *Cluster) complaints(ctx context.Context, namespace, name string) []string {
	d, err := c.Core.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	var all []string
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			all = append(all, condition.Message)
		}
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return all
	}
	pods, err := c.Core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return all
	}
	for _, pod := range pods.Items {
		for _, words := range complaint(&pod) {
			all = append(all, "pod "+pod.Name+": "+words)
		}
	}
	return all
}

func complaint(pod *corev1.Pod) []string {
	var all []string
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			all = append(all, condition.Reason+" "+condition.Message)
		}
	}
	for _, container := range pod.Status.ContainerStatuses {
		if w := container.State.Waiting; w != nil {
			all = append(all, strings.TrimSpace(container.Name+" "+w.Reason+" "+w.Message))
		}
		if t := container.State.Terminated; t != nil {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s ended with %d %s %s", container.Name, t.ExitCode, t.Reason, t.Message)))
		}
		if container.State.Running != nil && !container.Ready {
			all = append(all, container.Name+" runs but is not ready")
		}
	}
	return all
}
