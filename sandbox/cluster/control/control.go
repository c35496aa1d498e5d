// Package control runs the control plane of one cluster in this process:
// etcd, the API server, the controllers and the scheduler, all upstream's, as
// goroutines. What it listens on is loopback or a socket in a private folder.
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/rest"

	"github.com/signgate/signgate/sandbox/cluster/config"
	"github.com/signgate/signgate/sandbox/cluster/egress"
)

// Plane is a running control plane.
type Plane struct {
	Config *config.Config
	CA     *CA
	// Address is where the API server listens.
	Address string
	// Sockets is a private folder with a short path.
	Sockets string

	// Reviews is where the API server asks about tokens and access.
	Reviews *egress.Pipe

	etcd   *embed.Etcd
	server <-chan error
	failed chan error
	cancel context.CancelFunc // of the API server: it ends after its clients
}

func (p *Plane) pki(name string) string  { return p.Config.Path("pki", name) }
func (p *Plane) etc(name string) string  { return p.Config.Path("etc", name) }
func (p *Plane) sock(name string) string { return filepath.Join(p.Sockets, name) }

// Egress is the path of the socket that the API server reaches the cluster
// through.
func (p *Plane) Egress() string { return p.sock("egress.sock") }

// Failed gives what ended a part before it was asked to.
func (p *Plane) Failed() <-chan error { return p.failed }

// Start brings the plane up, naming each stage when it is done.
func Start(ctx context.Context, c *config.Config, sockets string, reviews *egress.Pipe, stage func(string)) (*Plane, error) {
	p := &Plane{Config: c, Sockets: sockets, Reviews: reviews, failed: make(chan error, 4)}
	var err error
	if p.CA, err = loadCA(c.CACert, c.CAKey); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	p.Address = l.Addr().String()
	if err := p.write(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := p.serveReviews(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	controllers, err := p.controllerOptions()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if p.etcd, err = startEtcd(ctx, c.Path("etcd"), p.sock("etcd"), c.Path("etcd.log")); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	stage("etcd")
	var serving context.Context
	serving, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if p.server, err = p.startAPIServer(serving, l); err != nil {
		p.Stop()
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		p.Stop()
		return nil, err
	}
	stage("apiserver")
	if err := p.startControllers(ctx, controllers); err != nil {
		p.Stop()
		return nil, err
	}
	if err := p.startScheduler(ctx); err != nil {
		p.Stop()
		return nil, err
	}
	stage("controllers")
	return p, nil
}

// report passes on what ended a part, unless all is ending.
func (p *Plane) report(ctx context.Context, part string, err error) {
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = errors.New("ended")
	}
	p.failed <- fmt.Errorf("%s: %w", part, err)
}

// Stop ends the API server, then etcd.
func (p *Plane) Stop() {
	if p.cancel != nil {
		p.cancel()
	}
	if p.server != nil {
		select {
		case <-p.server:
		case <-time.After(5 * time.Second):
		}
	}
	if p.etcd != nil {
		p.etcd.Close()
	}
}

// write makes every key, certificate and file the parts read.
func (p *Plane) write() error {
	prefix, err := netip.ParsePrefix(p.Config.ServiceCIDR)
	if err != nil {
		return err
	}
	leaves := map[string]Leaf{
		"apiserver": {Name: "kube-apiserver", Hosts: []string{
			p.Config.Endpoint, "127.0.0.1", prefix.Masked().Addr().Next().String(), "localhost",
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		"apiserver-kubelet": {Name: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"}},
	}
	for name, leaf := range leaves {
		cert, key, err := p.CA.Issue(leaf)
		if err != nil {
			return err
		}
		if err := errors.Join(config.WriteFile(p.pki(name+".crt"), cert), config.WriteFile(p.pki(name+".key"), key)); err != nil {
			return err
		}
	}
	for name, leaf := range map[string]Leaf{
		"controllers": {Name: "system:kube-controller-manager"},
		"scheduler":   {Name: "system:kube-scheduler"},
	} {
		if err := p.access(leaf, p.etc(name+".kubeconfig")); err != nil {
			return err
		}
	}
	reviews := access{CA: p.CA.PEM, Token: p.Config.ControlToken}
	for _, name := range []string{"token-review", "access-review"} {
		reviews.Server = "https://" + ReviewHost + "/" + name
		if err := reviews.write(p.etc(name + ".kubeconfig")); err != nil {
			return err
		}
	}
	return errors.Join(
		accountKey(p.pki("accounts.key")),
		fill(p.etc("egress.yaml"), egressConfig, p.Egress()),
		fill(p.etc("authorization.yaml"), authorizationConfig, p.etc("access-review.kubeconfig")),
		fill(p.etc("audit-policy.yaml"), auditPolicy, nil),
	)
}

func (p *Plane) access(leaf Leaf, path string) error {
	cert, key, err := p.CA.Issue(leaf)
	if err != nil {
		return err
	}
	return access{Server: "https://" + p.Address, CA: p.CA.PEM, Cert: cert, Key: key}.write(path)
}

// Client is a way to the API server as somebody.
func (p *Plane) Client(leaf Leaf) (*rest.Config, error) {
	cert, key, err := p.CA.Issue(leaf)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            "https://" + p.Address,
		TLSClientConfig: rest.TLSClientConfig{CAData: p.CA.PEM, CertData: cert, KeyData: key},
		QPS:             200, Burst: 400,
		Proxy: http.ProxyURL(nil),
	}, nil
}

const (
	apiStart  = 4 * time.Minute // a busy machine is no reason to give up
	readyPoll = 20 * time.Millisecond
)

// ready waits for /readyz.
func (p *Plane) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiStart)
	defer cancel()
	c, err := p.Client(Leaf{Name: "system:sandbox-probe", Groups: []string{"system:masters"}})
	if err != nil {
		return err
	}
	h, err := rest.HTTPClientFor(c)
	if err != nil {
		return err
	}
	defer h.CloseIdleConnections()
	last := "no answer yet"
	for {
		select {
		case err := <-p.server:
			return fmt.Errorf("API server: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("API server not ready: %s", last)
		case <-time.After(readyPoll):
		}
		if ok, words := get(ctx, h, c.Host+"/readyz"); ok {
			return nil
		} else if words != "" {
			last = words
		}
	}
}

func get(ctx context.Context, h *http.Client, url string) (ok bool, words string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err.Error()
	}
	res, err := h.Do(req)
	if err != nil {
		return false, err.Error()
	}
	defer res.Body.Close() //nolint:errcheck // read only
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
	return res.StatusCode == http.StatusOK, string(body)
}
