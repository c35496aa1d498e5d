//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/iam"
)

// CreateCluster checks what is asked for, and begins to make it.
func (s *Service) CreateCluster(ctx context.Context, r *containerpb.CreateClusterRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	n.kind, n.id = "clusters", r.GetCluster().GetName()
	wanted := proto.CloneOf(r.GetCluster())
	if wanted == nil {
		return nil, invalid("Cluster is a required field.")
	}
	if err := s.validate(n, wanted); err != nil {
		return nil, err
	}
	c := &cluster{UID: random(32), Project: n.project, Number: n.number, Accounts: map[string]user{}, pb: wanted}
	var op *operation
	err := s.change(func() error {
		if _, err := s.lookup(n); err == nil {
			return exists(n)
		}
		if err := s.settleIn(ctx, n, c); err != nil {
			return err
		}
		s.state.Clusters = append(s.state.Clusters, c)
		op = s.begin(containerpb.Operation_CREATE_CLUSTER, c, n, s.opt.Latency.Create)
		return nil
	})
	if err != nil {
		return nil, err
	}
	answer := proto.CloneOf(op.pb) // as it is before the work begins
	s.working.Go(func() { s.provision(c, op) })
	return answer, nil
}

// random is n bytes, in hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// validate checks what needs no other resource.
func (s *Service) validate(n name, c *containerpb.Cluster) error {
	if err := validName("cluster.name", c.GetName()); err != nil {
		return err
	}
	if err := s.known(n); err != nil || n.location == "-" {
		return noLocation(n)
	}
	if len(c.GetNodePools()) > 0 && (c.GetInitialNodeCount() > 0 || c.GetNodeConfig() != nil) {
		return invalid("Cluster.initial_node_count and Cluster.node_config must not be set together with Cluster.node_pools.")
	}
	if len(c.GetNodePools()) == 0 && c.GetInitialNodeCount() <= 0 && !c.GetAutopilot().GetEnabled() {
		return invalid("Cluster.initial_node_count must be greater than zero.")
	}
	if err := validVersion(c.GetInitialClusterVersion()); err != nil {
		return err
	}
	if err := validAutopilot(n, c); err != nil {
		return err
	}
	if err := validZones(n.location, c.GetLocations()); err != nil {
		return err
	}
	if err := validPools(n.location, c.GetNodePools()); err != nil {
		return err
	}
	if err := validIdentities(n.project, c.GetWorkloadIdentityConfig()); err != nil {
		return err
	}
	if err := validMaintenance(c.GetMaintenancePolicy()); err != nil {
		return err
	}
	return validLabels(c.GetResourceLabels())
}

// validZones checks the zones that a cluster's nodes are to be in; none leaves it to the
// defaults.
func validZones(location string, zones []string) error {
	r, _ := place(location)
	for _, zone := range zones {
		if !slices.Contains(r.zones, zone) {
			return invalid("Location \"%s\" is not within region \"%s\".", zone, r.name)
		}
	}
	if isZone(location) && len(zones) > 0 && !slices.Contains(zones, location) {
		return invalid("Cluster.locations must contain the cluster's zone %s.", location)
	}
	return nil
}

// validIdentities checks the pool of pods' identities: there is one for each project.
func validIdentities(project string, c *containerpb.WorkloadIdentityConfig) error {
	if pool := c.GetWorkloadPool(); pool != "" && pool != project+".svc.id.goog" {
		return invalid("Currently, the only supported identity namespace is the project's own: %s.svc.id.goog.", project)
	}
	return nil
}

// validPools checks the node pools of a cluster to be.
func validPools(location string, pools []*containerpb.NodePool) error {
	names := map[string]bool{}
	for i, p := range pools {
		if err := validName(fmt.Sprintf("cluster.node_pools[%d].name", i), p.GetName()); err != nil {
			return err
		}
		if names[p.GetName()] {
			return invalid("Duplicate node pool name: %s.", p.GetName())
		}
		names[p.GetName()] = true
		if err := validPool(location, p); err != nil {
			return err
		}
	}
	return nil
}

// validPool checks a node pool.
func validPool(location string, p *containerpb.NodePool) error {
	r, _ := place(location)
	for _, zone := range p.GetLocations() {
		if !slices.Contains(r.zones, zone) {
			return invalid("Location \"%s\" is not within region \"%s\".", zone, r.name)
		}
	}
	if p.GetInitialNodeCount() < 0 {
		return invalid("Node_pool.initial_node_count must be non-negative.")
	}
	if p.GetInitialNodeCount() > 1000 {
		return invalid("Node pools can have no more than 1000 nodes per zone; %d were requested.", p.GetInitialNodeCount())
	}
	if size := diskSize(p.GetConfig()); size != 0 && size < 10 {
		return invalid("Node_config.disk_size_gb must be at least 10; %d was requested.", size)
	}
	return nil
}

func diskSize(c *containerpb.NodeConfig) int64 {
	if size := c.GetBootDisk().GetSizeGb(); size != 0 {
		return size
	}
	return int64(c.GetDiskSizeGb())
}

// settleIn finds what the cluster is made of: accounts, network, addresses, nodes; the
// caller holds the lock.
func (s *Service) settleIn(ctx context.Context, n name, c *cluster) error {
	defaults(n, c.pb)
	for _, p := range c.pb.GetNodePools() {
		account, err := s.account(ctx, n, p.GetConfig().GetServiceAccount())
		if err != nil {
			return err
		}
		c.Accounts[p.GetName()] = account
	}
	if err := s.network(n, c.pb.GetNetwork()); err != nil {
		return err
	}
	if err := s.quota(n, c.pb, c.pb.GetNodePools()); err != nil {
		return err
	}
	var err error
	if c.Endpoint, err = s.endpoint(); err != nil {
		return err
	}
	s.addresses(c)
	for _, p := range c.pb.GetNodePools() {
		s.populate(c, p)
	}
	c.count()
	c.pb.Id, c.pb.Status, c.pb.CreateTime = c.UID, containerpb.Cluster_PROVISIONING, stamp(s.iam.Now())
	c.touch()
	return nil
}

// account finds a node pool's service account, and asks whether the caller may act as it.
func (s *Service) account(ctx context.Context, n name, asked string) (user, error) {
	email := asked
	if asked == "default" {
		email = n.number + "-compute@developer.gserviceaccount.com"
	}
	a, ok := s.iam.ServiceAccount(email)
	if ok = ok && s.iam.Known(email); !ok && asked != "default" { // or too new to be known
		return user{}, invalid("Service account \"%s\" does not exist.", asked)
	}
	resource := "projects/" + n.project + "/serviceAccounts/" + email
	if ok {
		resource = a.Name()
	}
	if s.iam.Check(iam.FromContext(ctx), "iam.serviceAccounts.actAs", resource) != nil {
		return user{}, invalid("The user does not have access to service account \"%s\". Ask a project owner to grant you the iam.serviceAccountUser role on the service account.", asked)
	}
	return user{Email: email, UniqueID: a.UniqueID}, nil
}

// network refuses one that the project does not have, where that is known.
func (s *Service) network(n name, network string) error {
	if s.opt.Networks == nil || slices.Contains(s.opt.Networks, network) {
		return nil
	}
	return invalid("Project \"%s\" has no network named \"%s\".", n.project, network)
}

// provision makes the cluster, and ends the operation.
func (s *Service) provision(c *cluster, op *operation) {
	s.mu.Lock()
	op.pb.Progress = progress(0)
	pool := c.pb.GetWorkloadIdentityConfig().GetWorkloadPool()
	report := func(e event) { s.report(op, e) }
	s.mu.Unlock()
	_ = os.RemoveAll(s.folder(c.UID)) // of an attempt that was cut off
	cert, err := authority(s.folder(c.UID), c.UID)
	if err == nil {
		s.report(op, event{Stage: "ca"})
		s.mu.Lock()
		c.pb.MasterAuth.ClusterCaCertificate = base64.StdEncoding.EncodeToString(cert)
		k := s.keep(c.UID, true, report)
		s.mu.Unlock()
		if err = k.await(s.ctx); err == nil {
			s.mu.Lock()
			made := c.copy()
			s.mu.Unlock()
			err = s.tend(s.ctx, made, tending(&cluster{pb: &containerpb.Cluster{}}, made))
		}
		if err == nil {
			err = s.rest(op.pace.left(time.Now()))
		}
		if err == nil && pool != "" {
			err = s.iam.SetIdentityPool(pool) // Google does not say when in the making; what waits for the end is right
		}
	}
	if s.ctx.Err() != nil { // the sandbox is being ended: the next one goes on
		s.settle(func() {})
		return
	}
	s.settle(func() {
		if err == nil {
			c.pb.Status = containerpb.Cluster_RUNNING
			for _, p := range c.pb.GetNodePools() {
				p.Status = containerpb.NodePool_RUNNING
			}
			s.finish(op, nil)
			return
		}
		failed := status.Convert(err)
		if failed.Code() != codes.Canceled {
			failed = status.Newf(codes.Internal, "Cluster %s could not be created: %v.", c.pb.GetName(), err)
		}
		c.fail(failed)
		s.finish(op, failed.Err())
		if k := s.keepers[c.UID]; k != nil {
			k.stop(errStopped)
		}
	})
}

// fail shows in the cluster what went wrong.
func (c *cluster) fail(why *status.Status) {
	c.pb.Status = containerpb.Cluster_ERROR
	c.pb.StatusMessage = why.Message()
	c.pb.Conditions = []*containerpb.StatusCondition{{CanonicalCode: canonical(why.Code()), Message: why.Message()}}
	for _, p := range c.pb.GetNodePools() {
		p.Status = containerpb.NodePool_ERROR
	}
}

// rest waits, unless the service ends before.
func (s *Service) rest(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}
