package gke

import (
	"context"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// work begins an operation on a cluster that is there and not busy. The edit changes
// a copy and says whether the cluster must be started again for it; what it refuses
// is refused at once. The change is seen when the operation is done.
func (s *Service) work(n name, kind containerpb.Operation_Type, target name, edit func(c *cluster) (restart bool, err error)) (*containerpb.Operation, error) {
	var c, next *cluster
	var op *operation
	restart := false
	err := s.change(func() error {
		var err error
		if c, err = s.lookup(n.cluster()); err != nil {
			return err
		}
		if err := s.busy(c); err != nil {
			return err
		}
		next = c.copy()
		if restart, err = edit(next); err != nil {
			return err
		}
		next.touch()
		op = s.begin(kind, c, target, s.opt.Latency.Update)
		op.pool = target.pool
		return nil
	})
	if err != nil {
		return nil, err
	}
	answer := proto.CloneOf(op.pb)
	if kind == containerpb.Operation_UPGRADE_NODES { // those wait for their turn first
		answer.Status = containerpb.Operation_PENDING
	}
	s.working.Go(func() { s.carryOut(c, next, op, restart) })
	return answer, nil
}

func (c *cluster) copy() *cluster {
	next := *c
	next.pb = proto.CloneOf(c.pb)
	next.Nodes, next.Accounts = slices.Clone(c.Nodes), map[string]user{}
	maps.Copy(next.Accounts, c.Accounts)
	return &next
}

// carryOut makes a change take effect, and ends its operation.
func (s *Service) carryOut(c, next *cluster, op *operation, restart bool) {
	if !restart && s.rest(op.pace.left(time.Now())) != nil {
		return
	}
	var k *keeper
	var calls []call
	s.settle(func() {
		calls = tending(c, next)
		next.pb.Status = c.pb.GetStatus()
		*c = *next
		if op.pb.GetOperationType() == containerpb.Operation_UPGRADE_NODES {
			op.pb.Progress = upgraded(c.nodes(op.pool))
		}
		if k = s.keepers[c.UID]; k == nil || !restart && len(calls) == 0 {
			k = nil
			s.finish(op, nil)
		}
		next = c.copy()
	})
	if k == nil {
		return
	}
	var err error
	if restart {
		err = k.restart(s.ctx)
	}
	if err == nil {
		err = s.tend(s.ctx, next, calls)
	}
	if err == nil {
		err = s.rest(op.pace.left(time.Now()))
	}
	if s.ctx.Err() != nil {
		return
	}
	s.settle(func() {
		for _, p := range c.pb.GetNodePools() {
			if p.GetStatus() == containerpb.NodePool_PROVISIONING {
				p.Status = containerpb.NodePool_RUNNING
			}
		}
		if err != nil {
			err = status.Errorf(codes.Internal, "Cluster %s is not as it was asked for: %v.", c.pb.GetName(), err)
		}
		s.finish(op, err)
	})
}

// UpdateCluster changes what a cluster shows.
func (s *Service) UpdateCluster(_ context.Context, r *containerpb.UpdateClusterRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	u := proto.CloneOf(r.GetUpdate())
	if u == nil || proto.Equal(u, &containerpb.ClusterUpdate{}) {
		return nil, invalid("Must specify a field to update.")
	}
	kind := containerpb.Operation_UPDATE_CLUSTER
	if u.GetDesiredMasterVersion() != "" {
		kind = containerpb.Operation_UPGRADE_MASTER
	} else if u.GetDesiredNodeVersion() != "" {
		kind = containerpb.Operation_UPGRADE_NODES
	}
	return s.work(n, kind, n, func(c *cluster) (bool, error) {
		if stale(u.GetEtag(), c.pb.GetEtag()) {
			return false, precondition("Etag mismatch: the cluster was changed meanwhile.")
		}
		return len(r.GetUpdate().GetDesiredLocations()) > 0, s.update(c, u)
	})
}
