package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod is one pod on a node: its folder, its containers and what is told the
// API server about them.
type pod struct {
	node    *Node
	uid     types.UID
	ip      string
	dir     string // private files: volumes, runs
	logs    string // logs, which stay
	volumes *volumes

	mu         sync.Mutex
	object     *corev1.Pod // as the API server has it
	containers []*container
	inits      []*container
	began      metav1.Time
	kept       []corev1.PodCondition // as told last
	mounted    bool
	terminated bool // every container ended for good
	telling    sync.Mutex

	again    chan struct{} // closed when the pod is as it was in the cluster's earlier life, see resumed
	patience time.Time     // until when that is waited for

	cancel context.CancelFunc
	done   chan struct{}
	gone   sync.Once
	stop   time.Duration // how long the processes get to end
}

func newPod(n *Node, object *corev1.Pod, ip string) *pod {
	p := &pod{
		node: n, uid: object.UID, ip: ip, object: object.DeepCopy(),
		dir: n.config.Path("run", string(object.UID)), logs: n.config.Path("pods", object.Namespace+"_"+object.Name),
		done: make(chan struct{}), began: metav1.Now(), stop: 30 * time.Second, again: make(chan struct{}),
	}
	if wasReady(object) {
		p.patience = time.Now().Add(resumeLimit)
	}
	if object.Status.StartTime != nil {
		p.began = *object.Status.StartTime
	}
	if g := object.Spec.TerminationGracePeriodSeconds; g != nil {
		p.stop = time.Duration(*g) * time.Second
	}
	p.volumes = newVolumes(p.dir+"/volumes", n, n)
	for _, s := range object.Spec.InitContainers {
		p.inits = append(p.inits, p.newContainer(s.Name, true, object.Status.InitContainerStatuses))
	}
	for _, s := range object.Spec.Containers {
		p.containers = append(p.containers, p.newContainer(s.Name, false, object.Status.ContainerStatuses))
	}
	return p
}

// newContainer takes up what an earlier life of the cluster left: a container
// that ran then was ended by the sandbox's end, and counts as restarted.
func (p *pod) newContainer(name string, init bool, before []corev1.ContainerStatus) *container {
	reason := "ContainerCreating"
	if len(p.inits) > 0 && !init {
		reason = "PodInitializing"
	}
	c := &container{pod: p, name: name, init: init, kill: make(chan string, 1), started: ptr(false)}
	c.state.Waiting = &corev1.ContainerStateWaiting{Reason: reason}
	for _, s := range before {
		if s.Name != name || s.ContainerID == "" {
			continue
		}
		c.restarts, c.last = s.RestartCount+1, s.LastTerminationState
		if r := s.State.Running; r != nil {
			c.last.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: 255, Reason: "Unknown", ContainerID: s.ContainerID, StartedAt: r.StartedAt, FinishedAt: metav1.Now(),
			}
		} else if s.State.Terminated != nil {
			c.last = s.State
		}
	}
	return c
}

func (p *pod) title() string {
	o := p.seen()
	return fmt.Sprintf("%s_%s(%s)", o.Name, o.Namespace, p.uid)
}

func (p *pod) copy() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.object.DeepCopy()
	out.Status = p.status()
	return out
}

// seen is the pod as the API server last had it: another object each time it changes.
func (p *pod) seen() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object
}

func (p *pod) policy() corev1.RestartPolicy { return p.seen().Spec.RestartPolicy }

func (p *pod) grace() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stop
}

// update takes what may change in a pod that runs: its labels and
// annotations, and a container's image.
func (p *pod) update(object *corev1.Pod) {
	p.mu.Lock()
	old := p.object
	p.object = object.DeepCopy()
	p.mu.Unlock()
	for i, c := range p.containers {
		if i < len(old.Spec.Containers) && i < len(object.Spec.Containers) && old.Spec.Containers[i].Image != object.Spec.Containers[i].Image {
			c.end(fmt.Sprintf("Container %s definition changed, will be restarted", c.name))
		}
	}
}

// change alters the pod's state and tells the API server.
func (p *pod) change(f func()) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	f()
	out := p.object.DeepCopy()
	out.Status = p.status()
	tell := p.resumed(out)
	p.mu.Unlock()
	if tell {
		p.node.tell(out)
	}
}

func (p *pod) event(kind, reason, format string, args ...any) {
	p.node.events.Eventf(p.seen(), kind, reason, format, args...)
}

// run is the pod's life. It ends when the pod is to go, or all its
// containers have ended for good.
func (p *pod) run(ctx context.Context) {
	defer close(p.done)
	p.change(func() {})
	defer time.AfterFunc(time.Until(p.patience), func() { p.change(func() {}) }).Stop()
	if !p.mount(ctx) {
		return
	}
	p.change(func() { p.mounted = true })
	go p.refresh(ctx)
	ok := true
	for _, c := range p.inits {
		if ok = c.run(ctx); !ok {
			break
		}
	}
	if ok {
		p.runAll(ctx)
	} else if ctx.Err() == nil {
		p.change(func() { // a failed init container of a pod that is not restarted
			for _, c := range p.containers {
				c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
			}
		})
	}
	p.change(func() { p.terminated = true })
}

func (p *pod) runAll(ctx context.Context) {
	var wg sync.WaitGroup
	for _, c := range p.containers {
		wg.Add(1)
		go func() { defer wg.Done(); c.run(ctx) }()
	}
	wg.Wait()
}

const (
	mountRetry   = time.Second
	mountMax     = 2 * time.Minute
	refreshEvery = time.Minute
)

// mount writes the volumes; what they refer to may come later.
func (p *pod) mount(ctx context.Context) bool {
	wait := mountRetry / 4
	for {
		err := p.volumes.Sync(ctx, p.copy())
		if err == nil {
			return ctx.Err() == nil
		}
		if ctx.Err() != nil {
			return false
		}
		p.event(corev1.EventTypeWarning, "FailedMount", "%s", err)
		if !sleep(ctx, wait) {
			return false
		}
		wait = min(2*wait, mountMax)
	}
}

// refresh keeps the volumes as the API server has them, tokens young.
func (p *pod) refresh(ctx context.Context) {
	if len(p.seen().Spec.Volumes) == 0 {
		return
	}
	for sleep(ctx, refreshEvery) {
		if err := p.volumes.Sync(ctx, p.copy()); err != nil && ctx.Err() == nil {
			p.event(corev1.EventTypeWarning, "FailedMount", "%s", err)
		}
	}
}

// end stops the pod's processes and, once they have, takes the pod off the
// API server, as a kubelet does. It does not wait.
func (p *pod) end(grace time.Duration) {
	p.mu.Lock()
	p.stop = grace
	p.mu.Unlock()
	p.cancel()
	p.gone.Do(func() {
		go func() {
			<-p.done
			p.change(func() { p.terminated = true; p.endAll() })
			p.node.forget(p)
		}()
	})
}

// endAll shows containers that never started as ended.
func (p *pod) endAll() {
	for _, c := range p.all() {
		if c.state.Terminated == nil {
			c.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 137, Reason: "ContainerStatusUnknown", FinishedAt: metav1.Now(),
				Message: "The container could not be located when the pod was terminated",
			}}
		}
		c.ready, c.started = false, ptr(false)
	}
}

// remove deletes the pod's files; its logs stay.
func (p *pod) remove() {
	if err := os.RemoveAll(p.dir); err != nil {
		p.node.log("remove %s: %v", p.dir, err)
	}
}

// dial reaches a port of the pod: the container that declares it, or any
// that answers.
func (p *pod) dial(ctx context.Context, port int) (net.Conn, error) {
	p.mu.Lock()
	var running []*Process
	pretended := false
	for i, c := range p.containers {
		if c.process == nil {
			pretended = pretended || c.state.Running != nil
			continue
		}
		running = append(running, c.process)
		for _, declared := range p.object.Spec.Containers[i].Ports {
			if int(declared.ContainerPort) == port {
				running = []*Process{c.process}
			}
		}
	}
	p.mu.Unlock()
	var errs []error
	for _, process := range running {
		conn, err := process.Dial(ctx, port)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	target := net.JoinHostPort(p.ip, fmt.Sprint(port))
	switch {
	case len(errs) > 0:
		return nil, fmt.Errorf("dial tcp %s: %w", target, errors.Join(errs...))
	case pretended:
		return nil, fmt.Errorf("dial tcp %s: nothing listens there: %s", target, notExecuted)
	}
	return nil, fmt.Errorf("dial tcp %s: connect: connection refused", target)
}

// delete takes the pod off the API server at once: its processes are gone.
func (p *pod) delete(ctx context.Context) {
	o := metav1.NewDeleteOptions(0)
	o.Preconditions = metav1.NewUIDPreconditions(string(p.uid))
	it := p.seen()
	err := p.node.client.CoreV1().Pods(it.Namespace).Delete(ctx, it.Name, *o)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
		p.node.log("delete pod %s/%s: %v", it.Namespace, it.Name, err)
	}
}

func randomID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func imageEnv(lines []string) map[string]string {
	out := map[string]string{}
	for _, l := range lines {
		if name, value, ok := strings.Cut(l, "="); ok {
			out[name] = value
		}
	}
	return out
}

func (p *pod) all() []*container {
	return append(append([]*container{}, p.inits...), p.containers...)
}
