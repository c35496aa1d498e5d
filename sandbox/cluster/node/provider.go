package node

import (
	"context"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
)

// CreatePod begins a pod's life.
func (n *Node) CreatePod(_ context.Context, object *corev1.Pod) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := object.Namespace + "/" + object.Name
	if _, ok := n.pods[key]; ok {
		return nil
	}
	ip := n.spec.InternalIP
	if !object.Spec.HostNetwork {
		var err error
		if ip = object.Status.PodIP; !n.addresses.keep(ip) {
			ip, err = n.addresses.take()
		}
		if err != nil {
			return err
		}
	}
	p := newPod(n, object, ip)
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(n.ctx)
	n.pods[key] = p
	go p.run(ctx)
	return nil
}

// UpdatePod passes on what changed.
func (n *Node) UpdatePod(_ context.Context, object *corev1.Pod) error {
	p, err := n.pod(object.Namespace, object.Name)
	if err != nil {
		return err
	}
	p.update(object)
	return nil
}

// DeletePod lets the pod end within its grace; it does not wait.
func (n *Node) DeletePod(_ context.Context, object *corev1.Pod) error {
	p, err := n.pod(object.Namespace, object.Name)
	if err != nil {
		return err
	}
	grace := p.grace()
	if object.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*object.DeletionGracePeriodSeconds) * time.Second
	}
	if object.UID != p.uid {
		grace = time.Second // another took its name
	}
	p.end(grace)
	return nil
}

func (n *Node) pod(namespace, name string) (*pod, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, ok := n.pods[namespace+"/"+name]
	if !ok {
		return nil, errdefs.NotFoundf("pod %s/%s is not on this node", namespace, name)
	}
	return p, nil
}

// GetPod gives a pod as it is on this node.
func (n *Node) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	p, err := n.pod(namespace, name)
	if err != nil {
		return nil, err
	}
	return p.copy(), nil
}

// GetPodStatus gives its status alone.
func (n *Node) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	p, err := n.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &p.Status, nil
}

// GetPods gives all.
func (n *Node) GetPods(context.Context) ([]*corev1.Pod, error) {
	n.mu.Lock()
	all := make([]*pod, 0, len(n.pods))
	for _, p := range n.pods {
		all = append(all, p)
	}
	n.mu.Unlock()
	out := make([]*corev1.Pod, 0, len(all))
	for _, p := range all {
		out = append(out, p.copy())
	}
	return out, nil
}

// NotifyPods says where changes are told.
func (n *Node) NotifyPods(_ context.Context, tell func(*corev1.Pod)) { n.notify = tell }

func (n *Node) tell(p *corev1.Pod) {
	if n.ctx.Err() == nil {
		n.notify(p)
	}
}

// forget takes an ended pod off this node and off the API server.
func (n *Node) forget(p *pod) {
	o := p.seen()
	n.mu.Lock()
	if n.pods[o.Namespace+"/"+o.Name] == p {
		delete(n.pods, o.Namespace+"/"+o.Name)
	}
	n.mu.Unlock()
	n.addresses.give(p.ip)
	p.remove()
	if n.ctx.Err() == nil {
		p.delete(n.ctx)
	}
}

// GetContainerLogs reads a container's log.
func (n *Node) GetContainerLogs(ctx context.Context, namespace, name, wanted string, o api.ContainerLogOpts) (io.ReadCloser, error) {
	p, err := n.pod(namespace, name)
	if err != nil {
		return nil, err
	}
	for _, c := range p.all() {
		if c.name != wanted {
			continue
		}
		p.mu.Lock()
		run, started := c.restarts, c.id != ""
		p.mu.Unlock()
		if o.Previous {
			run--
		}
		if run < 0 || !started {
			return nil, errdefs.NotFoundf("previous terminated container %q in pod %q not found", wanted, name)
		}
		ended := func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return c.state.Running == nil || c.restarts != run
		}
		return readLog(ctx, filepath.Join(p.logs, c.name, strconv.Itoa(int(run))+".log"), o, ended)
	}
	return nil, errdefs.NotFoundf("container %q in pod %q is not there", wanted, name)
}

// refused is what stands for commands in containers.
const refused = "the sandbox's node runs no commands in containers: a pod's process runs on this machine, and what it runs is only what the sandbox built"

// RunInContainer refuses kubectl exec.
func (n *Node) RunInContainer(context.Context, string, string, string, []string, api.AttachIO) error {
	return errdefs.InvalidInput(refused)
}

// AttachToContainer refuses kubectl attach.
func (n *Node) AttachToContainer(context.Context, string, string, string, api.AttachIO) error {
	return errdefs.InvalidInput(refused)
}

// PortForward joins kubectl port-forward with a port of the pod.
func (n *Node) PortForward(ctx context.Context, namespace, name string, port int32, stream io.ReadWriteCloser) error {
	p, err := n.pod(namespace, name)
	if err != nil {
		return err
	}
	conn, err := p.dial(ctx, int(port))
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the other end is gone
	go func() {
		_, _ = io.Copy(conn, stream)
		if half, ok := conn.(interface{ CloseWrite() error }); ok { // into a pod's own network too
			_ = half.CloseWrite()
		}
	}()
	_, err = io.Copy(stream, conn)
	return err
}
