//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// pace holds an operation back to the least that it is to take: it may not report
// more than the part of its time that has passed.
type pace struct {
	begun time.Time
	least time.Duration
}

// allowed is how much of total may be reported.
func (p pace) allowed(total int64, now time.Time) int64 {
	passed := now.Sub(p.begun)
	if p.least <= 0 || passed >= p.least {
		return total
	}
	return int64(float64(total) * float64(max(0, passed)) / float64(p.least))
}

// left is how long the operation must still be under way.
func (p pace) left(now time.Time) time.Duration { return p.least - now.Sub(p.begun) }

// begin notes an operation on a cluster; the caller holds the lock and saves.
func (s *Service) begin(kind containerpb.Operation_Type, c *cluster, target name, least time.Duration) *operation {
	now := s.iam.Now()
	n := name{project: c.Project, number: c.Number, location: target.location, kind: "operations", id: operationID(now)}
	op := &operation{Project: c.Project, Cluster: c.UID, pace: pace{begun: time.Now(), least: least}, pb: &containerpb.Operation{
		Name: n.id, Zone: n.location, OperationType: kind, Status: containerpb.Operation_RUNNING,
		SelfLink: n.link(true), TargetLink: target.link(true), StartTime: stamp(now),
	}}
	s.state.Operations = append(s.state.Operations, op)
	return op
}

func operationID(now time.Time) string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("operation-%d-%x-%x-%x-%x-%x", now.UnixMilli(), b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z") }

// finish ends an operation; the caller holds the lock. An error is the operation's
// own, as a status.
func (s *Service) finish(op *operation, err error) {
	op.pb.Status, op.pb.EndTime, op.pb.Detail = containerpb.Operation_DONE, stamp(s.iam.Now()), ""
	if err != nil {
		p := status.Convert(err).Proto()
		op.pb.Error = &spb.Status{Code: p.GetCode(), Message: p.GetMessage()}
		op.pb.StatusMessage = p.GetMessage()
	}
}

// busy is the refusal of work on a cluster that has some under way; the caller holds
// the lock.
func (s *Service) busy(c *cluster) error {
	for _, op := range s.state.Operations {
		if op.Cluster != c.UID || op.pb.GetStatus() == containerpb.Operation_DONE {
			continue
		}
		doing := ""
		switch op.pb.GetOperationType() {
		case containerpb.Operation_CREATE_CLUSTER:
			doing = "creating"
		case containerpb.Operation_DELETE_CLUSTER:
			doing = "deleting"
		default:
			return precondition("Cluster is running incompatible operation %s.", op.pb.GetName())
		}
		return precondition("Operation %s is currently %s cluster %s. Please wait and try again once it is done.", op.pb.GetName(), doing, c.pb.GetName())
	}
	return nil
}

// GetOperation tells how far an operation is.
func (s *Service) GetOperation(_ context.Context, r *containerpb.GetOperationRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.state.Operations {
		if op.Project == n.project && op.pb.GetName() == n.id && op.pb.GetZone() == n.location {
			return op.show(), nil
		}
	}
	return nil, notFound(n)
}

// show is a copy for clients, held back to its pace.
func (o *operation) show() *containerpb.Operation {
	out := proto.CloneOf(o.pb)
	if out.GetStatus() == containerpb.Operation_DONE {
		return out
	}
	metrics := out.GetProgress().GetMetrics()
	total := int64(0)
	for i := 1; i < len(metrics); i += 2 {
		total += metrics[i].GetIntValue()
	}
	left := o.pace.allowed(total, time.Now())
	for i := 0; i+1 < len(metrics); i += 2 {
		done := min(metrics[i].GetIntValue(), left)
		left -= done
		metrics[i].Value = &containerpb.OperationProgress_Metric_IntValue{IntValue: done}
	}
	return out
}

// ListOperations are those of a location, or of all.
func (s *Service) ListOperations(_ context.Context, r *containerpb.ListOperationsRequest) (*containerpb.ListOperationsResponse, error) {
	n := s.find(r)
	if err := s.known(n); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &containerpb.ListOperationsResponse{}
	for _, op := range s.state.Operations {
		if op.Project == n.project && (n.location == "-" || op.pb.GetZone() == n.location) {
			out.Operations = append(out.Operations, op.show())
		}
	}
	return out, nil
}

// CancelOperation gives up the creation of a cluster; of other work there is too
// little to be stopped half way.
func (s *Service) CancelOperation(_ context.Context, r *containerpb.CancelOperationRequest) (*emptypb.Empty, error) {
	n := s.find(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.state.Operations {
		if op.Project != n.project || op.pb.GetName() != n.id || op.pb.GetZone() != n.location {
			continue
		}
		k := s.keepers[op.Cluster]
		if op.pb.GetStatus() == containerpb.Operation_DONE || op.pb.GetOperationType() != containerpb.Operation_CREATE_CLUSTER || k == nil {
			return nil, precondition("Operation %s cannot be cancelled.", n.id)
		}
		op.pb.Status = containerpb.Operation_ABORTING
		k.stop(status.Error(codes.Canceled, "Operation was cancelled."))
		return &emptypb.Empty{}, nil
	}
	return nil, notFound(n)
}
