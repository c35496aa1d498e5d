package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	listcore "k8s.io/client-go/listers/core/v1"
	listdiscovery "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/rest"

	"github.com/signgate/signgate/sandbox/cluster/config"
	"github.com/signgate/signgate/sandbox/cluster/egress"
)

// Options is what the nodes need of the control plane.
type Options struct {
	Config *config.Config
	API    string // the API server's listener
	CA     []byte // the cluster's CA
	// Client gives a way to the API server as a user with groups.
	Client func(user string, groups ...string) (*rest.Config, error)
	// Issue makes a serving certificate.
	Issue func(name string, hosts []string) (cert, key []byte, err error)
	Log   func(format string, args ...any)
	// Open is told what a pod's process has open on all interfaces.
	Open func(pod string, addresses []string)
}

// Fleet is all nodes of the cluster and the network between them.
type Fleet struct {
	config   *config.Config
	nodes    []*Node
	services listcore.ServiceLister
	slices   listdiscovery.EndpointSliceLister
	accounts typedcore.ServiceAccountsGetter
	access   Access
	starter  starter
	issue    func(name string, hosts []string) (cert, key []byte, err error)
	open     func(pod string, addresses []string)
	failed   chan error
	stop     context.CancelFunc
}

// Start registers the nodes; when it returns they take pods.
func Start(ctx context.Context, o Options) (*Fleet, error) {
	ctx, stop := context.WithCancel(ctx)
	f := &Fleet{
		config: o.Config, issue: o.Issue, open: o.Open, starter: newStarter(), stop: stop, failed: make(chan error, 2*len(o.Config.Nodes)),
		access: Access{
			API: o.API, CA: o.CA, Proxy: o.Config.Proxy, ProxyCA: o.Config.ProxyCA,
			ServiceCIDR: o.Config.ServiceCIDR, PodCIDR: o.Config.PodCIDR,
		},
	}
	if err := f.network(ctx, o); err != nil {
		stop()
		return nil, err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(o.Config.Nodes))
	for i, spec := range o.Config.Nodes {
		n, err := f.node(ctx, o, i, spec)
		if err != nil {
			stop()
			return nil, err
		}
		f.nodes = append(f.nodes, n)
		wg.Add(1)
		go func() { defer wg.Done(); errs[i] = n.begin(ctx) }()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// network watches services and their endpoints, as kube-proxy.
func (f *Fleet) network(ctx context.Context, o Options) error {
	c, err := o.Client("system:kube-proxy")
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		return err
	}
	if c, err = o.Client("system:gke-metadata-server", "system:masters"); err != nil {
		return err
	}
	if f.accounts, err = typedcore.NewForConfig(c); err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(client, 0)
	f.services = shared.Core().V1().Services().Lister()
	f.slices = shared.Discovery().V1().EndpointSlices().Lister()
	shared.Start(ctx.Done())
	for kind, ok := range shared.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("cannot list %s", kind)
		}
	}
	return nil
}

func (f *Fleet) node(ctx context.Context, o Options, index int, spec config.Node) (*Node, error) {
	c, err := o.Client("system:node:"+spec.Name, "system:nodes")
	if err != nil {
		return nil, err
	}
	c.ContentType, c.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		return nil, err
	}
	a, cidr, err := newAddresses(o.Config.PodCIDR, index)
	if err != nil {
		return nil, err
	}
	transport, err := proxied(o.Config.Proxy, o.Config.ProxyCA)
	if err != nil {
		return nil, err
	}
	return &Node{
		fleet: f, config: o.Config, spec: spec, ctx: ctx, client: client, log: o.Log,
		addresses: a, podCIDR: cidr.String(), kubelet: egress.NewPipe(), pods: map[string]*pod{},
		puller: newPuller(o, spec.Name, transport),
	}, nil
}

// proxied reaches registries through the sandbox's proxy, which alone knows
// their names.
func proxied(proxy, caFile string) (http.RoundTripper, error) {
	u, err := url.Parse(proxy)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(caFile) //nolint:gosec // named by the config
	if err != nil {
		return nil, fmt.Errorf("proxy CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("proxy CA: %s holds no certificate", caFile)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = http.ProxyURL(u)
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t, nil
}

func (f *Fleet) report(ctx context.Context, node string, err error) {
	if ctx.Err() == nil {
		f.failed <- fmt.Errorf("node %s ended: %w", node, err)
	}
}

// Failed gives what ended a node before it was asked to.
func (f *Fleet) Failed() <-chan error { return f.failed }

// Close ends every pod's processes and leaves their objects: they run again
// when the cluster does.
func (f *Fleet) Close() {
	var all []*pod
	for _, n := range f.nodes {
		n.mu.Lock()
		for _, p := range n.pods {
			all = append(all, p)
		}
		n.mu.Unlock()
	}
	for _, p := range all {
		p.mu.Lock()
		p.stop = shutdownGrace
		p.mu.Unlock()
	}
	f.stop()
	for _, p := range all {
		<-p.done
		p.remove()
	}
}

// shutdownGrace is what processes get when the cluster itself ends.
const shutdownGrace = 300 * time.Millisecond

// Dial reaches an address of the cluster: the API server, a node's kubelet,
// a pod or a service.
func (f *Fleet) Dial(ctx context.Context, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("dial tcp: lookup %s: no such host: the cluster is reached by address", host)
	}
	port, err := net.LookupPort("tcp", portText)
	if err != nil {
		return nil, err
	}
	if host == f.config.Endpoint {
		var d net.Dialer
		return d.DialContext(ctx, "tcp4", f.access.API)
	}
	for _, n := range f.nodes {
		if n.spec.InternalIP == host {
			if portText == "10250" {
				return n.kubelet.Dial(ctx)
			}
			return nil, fmt.Errorf("dial tcp %s: connect: connection refused: the node serves its kubelet only", address)
		}
	}
	if p, err := netip.ParsePrefix(f.config.ServiceCIDR); err == nil && p.Contains(ip) {
		return f.dialService(ctx, host, port)
	}
	return f.dialPod(ctx, host, port)
}

func (f *Fleet) dialPod(ctx context.Context, ip string, port int) (net.Conn, error) {
	for _, n := range f.nodes {
		n.mu.Lock()
		var found *pod
		for _, p := range n.pods {
			if p.ip == ip {
				found = p
			}
		}
		n.mu.Unlock()
		if found != nil {
			return found.dial(ctx, port)
		}
	}
	return nil, fmt.Errorf("dial tcp %s:%d: connect: no route to host: no pod of this cluster has the address", ip, port)
}

// dialService does what kube-proxy's rules do: one of the ready endpoints.
func (f *Fleet) dialService(ctx context.Context, ip string, port int) (net.Conn, error) {
	all, err := f.services.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Spec.ClusterIP != ip {
			continue
		}
		for _, sp := range s.Spec.Ports {
			if int(sp.Port) == port {
				return f.dialEndpoint(ctx, s, sp.Name, port)
			}
		}
		return nil, fmt.Errorf("dial tcp %s:%d: connect: connection refused: service %s/%s has no such port", ip, port, s.Namespace, s.Name)
	}
	return nil, fmt.Errorf("dial tcp %s:%d: connect: connection refused: no service has the address", ip, port)
}

func (f *Fleet) dialEndpoint(ctx context.Context, s *corev1.Service, portName string, port int) (net.Conn, error) {
	slices, err := f.slices.EndpointSlices(s.Namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: s.Name}))
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, slice := range slices {
		for _, p := range slice.Ports {
			if p.Name == nil || *p.Name != portName || p.Port == nil {
				continue
			}
			for _, e := range slice.Endpoints {
				if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
					continue
				}
				conn, err := f.Dial(ctx, net.JoinHostPort(e.Addresses[0], fmt.Sprint(*p.Port)))
				if err == nil {
					return conn, nil
				}
				errs = append(errs, err)
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return nil, fmt.Errorf("dial tcp %s:%d: connect: connection refused: no endpoints available for service %q", s.Spec.ClusterIP, port, s.Name)
}
