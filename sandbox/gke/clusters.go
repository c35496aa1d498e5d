package gke

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// GetCluster shows one.
func (s *Service) GetCluster(_ context.Context, r *containerpb.GetClusterRequest) (*containerpb.Cluster, error) {
	n := s.find(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.lookup(n)
	if err != nil {
		return nil, err
	}
	return s.show(c), nil
}

// ListClusters shows those of a location, or of all.
func (s *Service) ListClusters(_ context.Context, r *containerpb.ListClustersRequest) (*containerpb.ListClustersResponse, error) {
	n := s.find(r)
	if err := s.known(n); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &containerpb.ListClustersResponse{}
	for _, c := range s.state.Clusters {
		if c.Project == n.project && (n.location == "-" || n.location == c.pb.GetLocation()) {
			out.Clusters = append(out.Clusters, s.show(c))
		}
	}
	slices.SortStableFunc(out.Clusters, func(a, b *containerpb.Cluster) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// show is a copy for clients: what is kept, and how its process is doing; the caller
// holds the lock.
func (s *Service) show(c *cluster) *containerpb.Cluster {
	out := proto.CloneOf(c.pb)
	k := s.keepers[c.UID]
	if out.GetStatus() != containerpb.Cluster_RUNNING || k == nil || k.address != "" {
		return out
	}
	out.Status = containerpb.Cluster_RECONCILING
	if k.last == nil {
		return out
	}
	words := fmt.Sprintf("The control plane has ended and is being started again: %v.", k.last)
	if k.failures >= failuresMax {
		out.Status = containerpb.Cluster_DEGRADED
	}
	out.StatusMessage = words //nolint:staticcheck // older clients read it
	out.Conditions = append(out.Conditions, &containerpb.StatusCondition{CanonicalCode: code.Code_UNAVAILABLE, Message: words})
	return out
}

// DeleteCluster begins to end a cluster and everything in it.
func (s *Service) DeleteCluster(_ context.Context, r *containerpb.DeleteClusterRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	var c *cluster
	var op *operation
	err := s.change(func() error {
		var err error
		if c, err = s.lookup(n); err != nil {
			return err
		}
		if err := s.busy(c); err != nil {
			return err
		}
		c.pb.Status = containerpb.Cluster_STOPPING
		for _, p := range c.pb.GetNodePools() {
			p.Status = containerpb.NodePool_STOPPING
		}
		op = s.begin(containerpb.Operation_DELETE_CLUSTER, c, n, s.opt.Latency.Delete)
		return nil
	})
	if err != nil {
		return nil, err
	}
	answer := proto.CloneOf(op.pb)
	s.working.Go(func() { s.remove(c, op) })
	return answer, nil
}

// remove ends the cluster's process and takes its folder away, and ends the operation.
func (s *Service) remove(c *cluster, op *operation) {
	s.mu.Lock()
	k := s.keepers[c.UID]
	s.mu.Unlock()
	if k != nil {
		k.stop(errStopped)
		<-k.ended
	}
	err := os.RemoveAll(s.folder(c.UID))
	if s.rest(op.pace.left(time.Now())) != nil { // the next sandbox goes on
		return
	}
	s.settle(func() {
		if err != nil {
			failed := status.Newf(codes.Internal, "Cluster %s could not be deleted: %v.", c.pb.GetName(), err)
			c.fail(failed)
			s.finish(op, failed.Err())
			return
		}
		delete(s.keepers, c.UID)
		delete(s.roads, c.UID)
		s.state.Clusters = slices.DeleteFunc(s.state.Clusters, func(one *cluster) bool { return one == c })
		s.finish(op, nil)
	})
}

// resume takes up what the last sandbox left: clusters are started again, and
// operations that it was cut off in go on.
func (s *Service) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.state.Operations {
		if op.pb.GetStatus() == containerpb.Operation_DONE {
			continue
		}
		op.pace.begun = time.Now()
		c := s.byUID(op.Cluster)
		switch {
		case c == nil:
			s.finish(op, nil) // it was deleting
		case op.pb.GetOperationType() == containerpb.Operation_CREATE_CLUSTER:
			s.working.Go(func() { s.provision(c, op) })
		case op.pb.GetOperationType() == containerpb.Operation_DELETE_CLUSTER:
			s.working.Go(func() { s.remove(c, op) })
		default: // its change was saved with it, or never began
			s.finish(op, status.Error(codes.Aborted, "The sandbox was ended meanwhile."))
		}
	}
	for _, c := range s.state.Clusters {
		if c.pb.GetStatus() != containerpb.Cluster_RUNNING {
			continue
		}
		for _, p := range c.pb.GetNodePools() {
			p.Status = containerpb.NodePool_RUNNING
		}
		s.keep(c.UID, false, func(event) {})
	}
}
