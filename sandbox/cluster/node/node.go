// Package node is the cluster's nodes: virtual-kubelet's controllers over
// pods that are processes of this machine. An image that the sandbox built
// runs for real; any other is pulled for real, shown as running, and never
// executed.
package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	vknode "github.com/virtual-kubelet/virtual-kubelet/node"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/signgate/signgate/sandbox/cluster/config"
	"github.com/signgate/signgate/sandbox/cluster/egress"
	"github.com/signgate/signgate/sandbox/cluster/isolate"
)

// Node is one node.
type Node struct {
	fleet     *Fleet
	config    *config.Config
	spec      config.Node
	ctx       context.Context
	client    kubernetes.Interface
	events    record.EventRecorder
	puller    *Puller
	addresses *addresses
	kubelet   *egress.Pipe
	podCIDR   string
	notify    func(*corev1.Pod)
	log       func(format string, args ...any)

	mu   sync.Mutex
	pods map[string]*pod
}

// Lease and status heart beats are those of a calm kubelet.
const (
	leaseSeconds = 120
	leaseEvery   = 30 * time.Second
	pingEvery    = time.Minute
	statusEvery  = 5 * time.Minute
	workers      = 4
)

// start registers the node and begins to take pods.
func (n *Node) begin(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: n.client.CoreV1().Events("")})
	context.AfterFunc(ctx, broadcaster.Shutdown)
	n.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: n.spec.Name})

	mine := informers.NewSharedInformerFactoryWithOptions(n.client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", n.spec.Name).String()
	}))
	pods := mine.Core().V1().Pods()
	// virtual-kubelet wants these to resolve variables; this node does that
	// itself, so they are never started.
	unused := informers.NewSharedInformerFactory(n.client, 0).Core().V1()
	pc, err := vknode.NewPodController(vknode.PodControllerConfig{
		PodClient: n.client.CoreV1(), PodInformer: pods, EventRecorder: quiet{n.events}, Provider: n,
		ConfigMapInformer: unused.ConfigMaps(), SecretInformer: unused.Secrets(), ServiceInformer: unused.Services(),
		SkipDownwardAPIResolution: true,
	})
	if err != nil {
		return fmt.Errorf("node %s: %w", n.spec.Name, err)
	}
	nc, err := vknode.NewNodeController(vknode.NewNaiveNodeProvider(), n.object(), n.client.CoreV1().Nodes(),
		vknode.WithNodeEnableLeaseV1WithRenewInterval(n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease), leaseSeconds, leaseEvery),
		vknode.WithNodePingInterval(pingEvery), vknode.WithNodeStatusUpdateInterval(statusEvery))
	if err != nil {
		return fmt.Errorf("node %s: %w", n.spec.Name, err)
	}
	mine.Start(ctx.Done())
	go func() { n.fleet.report(ctx, n.spec.Name, pc.Run(ctx, workers)) }()
	go func() { n.fleet.report(ctx, n.spec.Name, nc.Run(ctx)) }()
	if err := n.serveKubelet(ctx); err != nil {
		return err
	}
	select {
	case <-pc.Ready():
	case <-pc.Done():
		return fmt.Errorf("node %s: %w", n.spec.Name, pc.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-nc.Ready():
	case <-nc.Done():
		return fmt.Errorf("node %s: %w", n.spec.Name, nc.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
	before, err := pods.Lister().List(everything())
	if err != nil {
		return fmt.Errorf("node %s: %w", n.spec.Name, err)
	}
	n.resume(ctx, before)
	return nil
}

// quiet leaves out virtual-kubelet's own events, which no kubelet sends.
type quiet struct{ record.EventRecorder }

func (q quiet) Event(object runtime.Object, kind, reason, message string) {
	if !strings.HasPrefix(reason, "Provider") {
		q.EventRecorder.Event(object, kind, reason, message)
	}
}

// Secret reads one that a pod of this node refers to.
func (n *Node) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return n.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

// ConfigMap reads one that a pod of this node refers to.
func (n *Node) ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	return n.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
}

// Services lists a namespace's.
func (n *Node) Services(namespace string) ([]*corev1.Service, error) {
	return n.fleet.services.Services(namespace).List(everything())
}

// Token asks for a service account's token, bound to the pod.
func (n *Node) Token(ctx context.Context, pod *corev1.Pod, seconds *int64, audience string) (*authv1.TokenRequest, error) {
	tr := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: seconds,
		BoundObjectRef:    &authv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	if audience != "" {
		tr.Spec.Audiences = []string{audience}
	}
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	return n.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, account, tr, metav1.CreateOptions{})
}

// image gives a container's image, pulled as its policy says; else the
// waiting reason and its words.
func (n *Node) image(ctx context.Context, p *pod, c *corev1.Container) (img *Image, reason, words string) {
	policy := c.ImagePullPolicy
	if have := n.puller.Present(c.Image); have != nil && policy != corev1.PullAlways {
		p.event(corev1.EventTypeNormal, "Pulled", "Container image %q already present on machine", c.Image)
		return have, "", ""
	}
	if policy == corev1.PullNever {
		words := fmt.Sprintf("Container image %q is not present with pull policy of Never", c.Image)
		p.event(corev1.EventTypeWarning, "ErrImageNeverPull", "%s", words)
		return nil, "ErrImageNeverPull", words
	}
	var pullSecrets []corev1.Secret
	for _, ref := range p.copy().Spec.ImagePullSecrets {
		if s, err := n.Secret(ctx, p.seen().Namespace, ref.Name); err == nil {
			pullSecrets = append(pullSecrets, *s)
		}
	}
	p.event(corev1.EventTypeNormal, "Pulling", "Pulling image %q", c.Image)
	began := time.Now()
	img, err := n.puller.Pull(ctx, c.Image, pullSecrets)
	if err != nil {
		p.event(corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %s", c.Image, err)
		return nil, "ErrImagePull", err.Error()
	}
	took := time.Since(began).Round(time.Millisecond)
	p.event(corev1.EventTypeNormal, "Pulled", "Successfully pulled image %q in %s (%s including waiting). Image size: %d bytes.", c.Image, took, took, img.Size)
	return img, "", ""
}

// start runs a program where the kernel allows: in namespaces of its own,
// else in the machine's network.
func (n *Node) start(g Program, object *corev1.Pod) (*Process, error) {
	if !n.config.HostNetwork {
		process, err := startIsolated(n.fleet.starter, g, n.fleet.access)
		if !errors.Is(err, isolate.ErrUnsupported) {
			return process, err
		}
		n.log("%s/%s runs in this machine's own network: %v", object.Namespace, object.Name, err)
	}
	process, err := startInHost(n.fleet.starter, g, n.fleet.access)
	if err != nil {
		return nil, err
	}
	n.fleet.open(object.Namespace+"/"+object.Name, process.Open)
	return process, nil
}

// serveMetadata is the pod's metadata server on a listener.
func (p *pod) serveMetadata(l net.Listener) {
	control, err := url.Parse(p.node.config.Control)
	if err != nil {
		return
	}
	s := metadataServer(metadata(control, p.node.config.ControlToken, p.node.spec.Name, p.copy(), p.serviceAccount))
	defer s.Close() //nolint:errcheck // its listener is closed
	_ = s.Serve(l)
}

// serviceAccount is the pod's account as it is now; nil if that cannot be seen.
func (p *pod) serviceAccount(ctx context.Context, account string) *corev1.ServiceAccount {
	a, err := p.node.fleet.accounts.ServiceAccounts(p.seen().Namespace).Get(ctx, account, metav1.GetOptions{})
	if err != nil {
		p.node.log("metadata server: %v", err)
		return nil
	}
	return a
}
