package node

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// status is the pod as a kubelet would show it. The pod's lock is held.
func (p *pod) status() corev1.PodStatus {
	before := p.object.Status
	s := corev1.PodStatus{
		Phase:     p.phase(),
		HostIP:    p.node.spec.InternalIP,
		HostIPs:   []corev1.HostIP{{IP: p.node.spec.InternalIP}},
		PodIP:     p.ip,
		PodIPs:    []corev1.PodIP{{IP: p.ip}},
		StartTime: &p.began,
		QOSClass:  before.QOSClass,
	}
	for i, c := range p.inits {
		s.InitContainerStatuses = append(s.InitContainerStatuses, c.status(p.object.Spec.InitContainers[i].Image))
	}
	for i, c := range p.containers {
		s.ContainerStatuses = append(s.ContainerStatuses, c.status(p.object.Spec.Containers[i].Image))
	}
	s.Conditions = p.conditions(before.Conditions, s.Phase)
	return s
}

func (c *container) status(image string) corev1.ContainerStatus {
	s := corev1.ContainerStatus{
		Name: c.name, State: *c.state.DeepCopy(), LastTerminationState: *c.last.DeepCopy(),
		Ready: c.ready, RestartCount: c.restarts, Image: image, ContainerID: c.id, Started: c.started,
	}
	if c.image != nil {
		s.ImageID = c.image.ID
	}
	if c.init {
		s.Ready = c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
	}
	return s
}

func (p *pod) phase() corev1.PodPhase {
	if p.terminated {
		for _, c := range p.all() {
			if c.state.Terminated == nil || c.state.Terminated.ExitCode != 0 {
				return corev1.PodFailed
			}
		}
		return corev1.PodSucceeded
	}
	if !p.initialised() {
		return corev1.PodPending
	}
	for _, c := range p.containers {
		if c.state.Running == nil && c.state.Terminated == nil && c.last.Terminated == nil {
			return corev1.PodPending
		}
	}
	return corev1.PodRunning
}

func (p *pod) initialised() bool {
	for _, c := range p.inits {
		if c.state.Terminated == nil || c.state.Terminated.ExitCode != 0 {
			return false
		}
	}
	return true
}

// conditions are a kubelet's; a time moves only when its condition does.
func (p *pod) conditions(before []corev1.PodCondition, phase corev1.PodPhase) []corev1.PodCondition {
	done := phase == corev1.PodSucceeded
	ready, reason, words := p.readiness(done)
	initialised := condition(corev1.PodInitialized, p.initialised(), "", "")
	if !p.initialised() {
		initialised = condition(corev1.PodInitialized, false, "ContainersNotInitialized", "containers with incomplete status")
	} else if done {
		initialised.Reason = "PodCompleted"
	}
	out := []corev1.PodCondition{
		condition(corev1.PodReadyToStartContainers, p.mounted && !p.terminated, "", ""),
		initialised,
		condition(corev1.PodReady, ready && p.gates(), reason, words),
		condition(corev1.ContainersReady, ready, reason, words),
		condition(corev1.PodScheduled, true, "", ""),
	}
	kept := p.kept
	if kept == nil {
		kept = before
	}
	for i := range out {
		out[i].LastTransitionTime = metav1.Now()
		for _, b := range kept {
			if b.Type == out[i].Type && b.Status == out[i].Status {
				out[i].LastTransitionTime = b.LastTransitionTime
			}
		}
	}
	p.kept = out
	for _, b := range before {
		if !has(out, b.Type) { // set by others, such as a disruption's
			out = append(out, b)
		}
	}
	return out
}

func has(list []corev1.PodCondition, t corev1.PodConditionType) bool {
	for _, c := range list {
		if c.Type == t {
			return true
		}
	}
	return false
}

func condition(t corev1.PodConditionType, ok bool, reason, words string) corev1.PodCondition {
	c := corev1.PodCondition{Type: t, Status: corev1.ConditionTrue}
	if !ok {
		c.Status, c.Reason, c.Message = corev1.ConditionFalse, reason, words
	}
	return c
}

// gates are conditions that others must set before the pod counts as ready.
func (p *pod) gates() bool {
	for _, g := range p.object.Spec.ReadinessGates {
		met := false
		for _, c := range p.object.Status.Conditions {
			met = met || c.Type == g.ConditionType && c.Status == corev1.ConditionTrue
		}
		if !met {
			return false
		}
	}
	return true
}

func (p *pod) readiness(done bool) (ready bool, reason, words string) {
	if done {
		return false, "PodCompleted", ""
	}
	var unready []string
	for _, c := range p.containers {
		if !c.ready {
			unready = append(unready, c.name)
		}
	}
	if len(unready) > 0 {
		return false, "ContainersNotReady", fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	}
	return true, "", ""
}
