package steps

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/sync/singleflight"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
)

// inside is what the steps in the cluster are made of: those on Google's side,
// and the cluster once it is there.
type inside struct {
	cloud
	to      *reached
	patient time.Duration // for what is only eventually so
}

// patience is how long grants, policies and images may take to be known
// everywhere. IAM's own documentation says two minutes.
const patience = 2 * time.Minute

func (s inside) patience() time.Duration {
	if s.patient > 0 {
		return s.patient
	}
	return patience
}

// within is how long something may take that has to be pulled and started.
func (s inside) within() time.Duration { return 4 * s.patience() }

// reached is the client of a setup's cluster, made once for all the steps in it.
type reached struct {
	mu      sync.Mutex
	host    string
	ca      string
	cluster *kube.Cluster
	asking  singleflight.Group

	asked  bool // by takeBack, whether it answers
	silent error
}

// reach gives a client of the cluster; nil without an error while there is no cluster that answers.
func (s inside) reach(ctx context.Context, l engine.Ledger) (*kube.Cluster, error) {
	c, err := s.to.ask(ctx, func() (*containerpb.Cluster, error) { return cluster{s.cloud}.get(ctx, l) })
	if err != nil || c == nil {
		return nil, err
	}
	switch c.GetStatus() {
	case containerpb.Cluster_RUNNING, containerpb.Cluster_RECONCILING, containerpb.Cluster_DEGRADED:
		return s.to.dial(s.cloud, c)
	}
	return nil, nil
}

// ask looks the cluster up, once for all steps that ask at one moment. That the one who did
// was told to stop is no answer to the others.
func (r *reached) ask(ctx context.Context, get func() (*containerpb.Cluster, error)) (*containerpb.Cluster, error) {
	c, err, _ := r.asking.Do("cluster", func() (any, error) {
		c, err := get()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return c, err
	})
	if ctx.Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return get()
	}
	return c.(*containerpb.Cluster), err
}

// need is reach where the cluster has to be there.
func (s inside) need(ctx context.Context, l engine.Ledger) (*kube.Cluster, error) {
	c, err := s.reach(ctx, l)
	if err == nil && c == nil {
		err = s.absent()
	}
	return c, err
}

func (s inside) absent() *problem.Problem {
	return raise("cluster-missing", "cluster %q in %s is not there, or does not answer yet", s.ClusterID(), s.ClusterLocation())
}

func (r *reached) dial(s cloud, c *containerpb.Cluster) (*kube.Cluster, error) {
	host, ca := endpoint(c)
	if host == "" {
		return nil, raise("cluster-unreachable", "cluster %q has no endpoint that can be reached from here", c.GetName())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cluster != nil && r.host == host && r.ca == ca {
		return r.cluster, nil
	}
	var pem []byte
	if ca != "" {
		var err error
		if pem, err = base64.StdEncoding.DecodeString(ca); err != nil {
			return nil, fmt.Errorf("root certificate of cluster %q: %w", c.GetName(), err)
		}
	}
	made, err := kube.Dial(kube.Options{Host: host, CA: pem, Transport: s.c.Network.Transport(), Tokens: s.c.Tokens, UserAgent: s.c.UserAgent})
	if err != nil {
		return nil, err
	}
	r.host, r.ca, r.cluster = host, ca, made
	return made, nil
}

// endpoint is where a cluster's API is, and its root certificate in base64. The
// name that Google gives a cluster (the DNS endpoint) has a public certificate; it is
// taken where addresses are switched off, or private and so out of reach.
func endpoint(c *containerpb.Cluster) (host, ca string) {
	points := c.GetControlPlaneEndpointsConfig()
	named := points.GetDnsEndpointConfig()
	address := points.GetIpEndpointsConfig()
	off := address != nil && address.Enabled != nil && !address.GetEnabled()
	private := address != nil && address.EnablePublicEndpoint != nil && !address.GetEnablePublicEndpoint()
	if named.GetAllowExternalTraffic() && named.GetEndpoint() != "" && (off || private || c.GetEndpoint() == "") {
		return named.GetEndpoint(), ""
	}
	if off {
		return "", ""
	}
	return c.GetEndpoint(), c.GetMasterAuth().GetClusterCaCertificate()
}
