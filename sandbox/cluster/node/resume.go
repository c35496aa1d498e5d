package node

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// resumeLimit bounds how long pods of an earlier life count as they were told then. The cluster
// is not ready before, and a client waits for that no longer than 55 seconds.
const resumeLimit = 40 * time.Second

// wasReady says whether a pod was ready when this cluster ended.
func wasReady(object *corev1.Pod) bool {
	if object.DeletionTimestamp != nil {
		return false
	}
	for _, c := range object.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// resumed says whether the API server is to hear of the pod; the pod's lock is held. That a
// sandbox starts again is no event in the cluster's life: a pod that was ready stays so,
// as with a kubelet that is started again, until it is ready anew, has ended, or took
// too long.
func (p *pod) resumed(now *corev1.Pod) bool {
	select {
	case <-p.again:
		return true
	default:
	}
	if !wasReady(now) && !p.terminated && time.Now().Before(p.patience) {
		return false
	}
	close(p.again)
	return true
}

// resume waits until all pods that were ready when the cluster ended are so again.
func (n *Node) resume(ctx context.Context, before []*corev1.Pod) {
	ctx, cancel := context.WithTimeout(ctx, resumeLimit)
	defer cancel()
	for _, object := range before {
		if !wasReady(object) {
			continue
		}
		for {
			if p, err := n.pod(object.Namespace, object.Name); err == nil {
				select {
				case <-p.again:
				case <-ctx.Done():
				}
				break
			}
			if !sleep(ctx, 10*time.Millisecond) { // until the pod controller has come to it
				return
			}
		}
	}
}
