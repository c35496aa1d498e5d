package gcp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Stage is how far a GKE operation is, in Google's words (CLUSTER_DEPLOYING).
type Stage struct {
	Name        string
	Done, Total int64
}

// GKEOperation is the full name of an operation, which its short id alone is not:
// operations live in the cluster's zone or region.
func GKEOperation(location, id string) string { return location + "/operations/" + id }

// FinishGKE waits for an operation of Kubernetes Engine by its full name, telling
// each change of stage, and slow (which may be nil) while it takes long. DONE is not
// success there: the operation's own error counts.
func (c *Clients) FinishGKE(ctx context.Context, name string, tell func(Stage), slow func(time.Duration)) error {
	var last Stage
	return Await(ctx, Wait{"operation " + name, Longest, slow}, func(ctx context.Context) (bool, error) {
		op, err := c.GKE.GetOperation(ctx, &containerpb.GetOperationRequest{Name: name})
		if err != nil {
			return false, err
		}
		if s := stage(op.GetProgress()); s != last && s.Name != "" {
			last = s
			tell(s)
		}
		switch op.GetStatus() {
		case containerpb.Operation_DONE, containerpb.Operation_ABORTING:
		default:
			return false, nil
		}
		if e := op.GetError(); e.GetCode() != 0 {
			return false, fmt.Errorf("operation %s: %w", op.GetName(), status.ErrorProto(e))
		}
		if op.GetStatus() == containerpb.Operation_ABORTING {
			return false, fmt.Errorf("operation %s: %w", op.GetName(), status.Error(codes.Aborted, "the operation was cancelled"))
		}
		return true, nil
	})
}

// stage is the first that is not complete; the last one if all are. Progress comes
// as pairs of metrics, NAME and NAME_TOTAL, in the order of the work.
func stage(p *containerpb.OperationProgress) Stage {
	values := map[string]int64{}
	var names []string
	for _, m := range p.GetMetrics() {
		values[m.GetName()] = m.GetIntValue()
		if !strings.HasSuffix(m.GetName(), "_TOTAL") {
			names = append(names, m.GetName())
		}
	}
	var s Stage
	for _, name := range names {
		s = Stage{Name: name, Done: values[name], Total: values[name+"_TOTAL"]}
		if s.Done < s.Total {
			break
		}
	}
	return s
}

// RunningOperation finds the operation that is at work on a cluster, by the
// cluster's short name and its location; "" if none is.
func (c *Clients) RunningOperation(ctx context.Context, location, cluster string) (string, error) {
	list, err := c.GKE.ListOperations(ctx, &containerpb.ListOperationsRequest{Parent: location})
	if err != nil {
		return "", fmt.Errorf("list operations in %s: %w", location, err)
	}
	for _, op := range list.GetOperations() {
		if op.GetStatus() != containerpb.Operation_DONE && strings.HasSuffix(op.GetTargetLink(), "/clusters/"+cluster) {
			return GKEOperation(location, op.GetName()), nil
		}
	}
	return "", nil
}
