// Package gke is Google Kubernetes Engine in the sandbox (container.googleapis.com).
// A cluster here is a real one: a process of its own (signgate-cluster) with a
// Kubernetes control plane and nodes, reached at an address of its own through the
// sandbox's proxy. What Google's side of a cluster does is here too: who a token
// stands for (token reviews), what IAM allows in the cluster (access reviews), and
// the metadata server that gives nodes and pods their Google identity.
//
// Operations report what really happens in the process, in the stages that Google
// reports. Not in the sandbox: Compute Engine, so networks, subnetworks and machine
// types are taken at their word; upgrades, since there is one version; what Autopilot
// does with nodes: it has three of them, and pods' requests add none.
package gke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// Host is where the service is found.
const Host = "container.googleapis.com"

// Options say where clusters live and what they are made of.
type Options struct {
	Dir      string            // holds gke.json and a folder for each cluster, private; "": a temporary one
	Program  string            // path of signgate-cluster; where it is missing, creating a cluster fails in words
	Programs map[string]string // images that clusters may run, by digest, to the executable of each
	Proxy    string            // URL of the sandbox's proxy, for pulls and for pods
	ProxyCA  string            // path of its CA
	Log      io.Writer         // what the clusters' keeper sees; nil: nowhere
	Latency  Latency
	Quota    map[string]float64 // per region, by their names in Limits; what is not named has no limit
	Networks []string           // that projects have; nil: any that is asked for
}

// Latency is the least that an operation takes; the work itself takes its own time.
type Latency struct {
	Create, Delete, Update time.Duration
}

// Demo is long enough to be seen.
func Demo() Latency {
	return Latency{Create: 20 * time.Second, Delete: 6 * time.Second, Update: 4 * time.Second}
}

// Real is as on Google Cloud, times a factor.
func Real(factor float64) Latency {
	times := func(d time.Duration) time.Duration { return time.Duration(float64(d) * factor) }
	return Latency{Create: times(6 * time.Minute), Delete: times(4 * time.Minute), Update: times(time.Minute)}
}

// SetLatency changes it for operations to come.
func (s *Service) SetLatency(l Latency) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Latency = l
}

// SetQuota changes the limits of regions, as Options.Quota; nil lifts them.
func (s *Service) SetQuota(limits map[string]float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Quota = maps.Clone(limits)
}

// NewProject are the limits of a region in a new project on Google Cloud: the nine nodes
// of a regional cluster with default disks do not fit.
func NewProject() map[string]float64 {
	return map[string]float64{"CPUS": 24, "SSD_TOTAL_GB": 500, "IN_USE_ADDRESSES": 8}
}

// Service may be used by many goroutines at once.
type Service struct {
	containerpb.UnimplementedClusterManagerServer
	iam     *iam.IAM
	opt     Options
	dir     string
	scratch bool // dir is temporary

	ctx     context.Context // ends with the service
	cancel  context.CancelFunc
	working sync.WaitGroup // operations and keepers of clusters
	grace   time.Duration  // between asking a process to end and ending it

	mu       sync.Mutex
	state    state
	keepers  map[string]*keeper // by the cluster's uid
	secrets  map[string]string  // hash of a control token -> uid
	control  *http.Server
	address  string // of the control server
	servers  []*grpc.Server
	roads    map[string]*http.Transport // to API servers, by uid
	identity identityKey
}

// New opens the clusters of Dir, and starts them again in the background: until each
// is ready it shows as RECONCILING.
func New(k *iam.IAM, o Options) (*Service, error) {
	s := &Service{iam: k, opt: o, dir: o.Dir, grace: stopGrace, keepers: map[string]*keeper{}, secrets: map[string]string{}, roads: map[string]*http.Transport{}}
	if s.opt.Log == nil {
		s.opt.Log = io.Discard
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.resume()
	return s, nil
}

func (s *Service) open() error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "signgate-gke-")
		if err != nil {
			return err
		}
		s.dir, s.scratch = dir, true
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the clusters' folder: %w", err)
	}
	if err := s.load(); err != nil {
		return err
	}
	return s.serveControl()
}

// Handlers serve Kubernetes Engine, by host.
func (s *Service) Handlers() (map[string]http.Handler, error) {
	srv, err := s.iam.Server(rules(), func(g *grpc.Server) { containerpb.RegisterClusterManagerServer(g, s) })
	if err != nil {
		return nil, err
	}
	h, err := front.Google(srv, front.REST{Errors: true})
	if err != nil {
		return nil, fmt.Errorf("kubernetes engine: %w", err)
	}
	s.mu.Lock()
	s.servers = append(s.servers, srv)
	s.mu.Unlock()
	// Fields of v1beta1 alone are refused as unknown.
	return map[string]http.Handler{Host: front.Beta(h), "*.gke.goog": http.HandlerFunc(s.byName)}, nil
}

// Endpoint says whether a host is an address of clusters, as front.Inspect asks.
func (s *Service) Endpoint(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && endpoints().Contains(ip)
}

// Dial opens a connection to the cluster whose endpoint the address names.
func (s *Service) Dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port != "443" {
		return nil, fmt.Errorf("a cluster's endpoint is served on port 443 only, not %s", port)
	}
	c, err := s.at(host)
	if err != nil {
		return nil, err
	}
	to, err := s.reach(ctx, c)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp4", to)
}

// at is the cluster that has an endpoint.
func (s *Service) at(host string) (*cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.state.Clusters {
		if c.Endpoint != host {
			continue
		}
		if !c.public() {
			return nil, fmt.Errorf("cluster %q has no endpoint that is open to the world outside its network", c.pb.GetName())
		}
		return c.copy(), nil
	}
	return nil, errors.New("no cluster has this endpoint")
}

// reach is where a cluster's API server listens now. A cluster that was made and is being
// started again, as all are when a sandbox starts, is waited for: its clients know nothing
// of the machine that it is on.
func (s *Service) reach(ctx context.Context, c *cluster) (string, error) {
	s.mu.Lock()
	k := s.keepers[c.UID]
	s.mu.Unlock()
	switch c.pb.GetStatus() {
	case containerpb.Cluster_RUNNING, containerpb.Cluster_RECONCILING:
		if k != nil {
			waiting, cancel := context.WithTimeout(ctx, restartWait)
			defer cancel()
			_ = k.await(waiting) // where says what is the matter
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.where(c)
}

// where is where a cluster's API server listens now; the caller holds the lock.
func (s *Service) where(c *cluster) (string, error) {
	k := s.keepers[c.UID]
	switch {
	case k != nil && k.address != "":
		return k.address, nil
	case c.pb.GetStatus() == containerpb.Cluster_STOPPING:
		return "", fmt.Errorf("cluster %q is being deleted", c.pb.GetName())
	case c.pb.GetStatus() == containerpb.Cluster_ERROR:
		return "", fmt.Errorf("cluster %q could not be made: %s", c.pb.GetName(), c.trouble())
	case k != nil && k.last != nil:
		return "", fmt.Errorf("cluster %q has ended and is being started again: %w", c.pb.GetName(), k.last)
	}
	return "", fmt.Errorf("cluster %q is not up yet", c.pb.GetName())
}

// Close ends all clusters' processes and waits for them; the clusters themselves stay,
// for the next New of the same folder.
func (s *Service) Close() error {
	s.cancel()
	s.working.Wait()
	s.mu.Lock()
	servers, control := s.servers, s.control
	for _, road := range s.roads {
		road.CloseIdleConnections()
	}
	s.mu.Unlock()
	for _, srv := range servers {
		srv.Stop()
	}
	var err error
	if control != nil {
		err = control.Close()
	}
	if s.scratch {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
