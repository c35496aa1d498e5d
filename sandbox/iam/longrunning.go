package iam

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
)

// operations is google.longrunning.Operations of one host.
type operations struct {
	longrunningpb.UnimplementedOperationsServer
	iam *IAM
	see string // permission to look at one, on its project
}

// ManagerOperations are Resource Manager's behind the gate, as ProjectsServer is.
func (k *IAM) ManagerOperations() longrunningpb.OperationsServer {
	return &operations{iam: k, see: "resourcemanager.projects.get"}
}

func (o *operations) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	if req.GetName() == nothingToDo || req.GetName() == FinishedOperation {
		return nil, CallerDenied("", "") // it was done before it began: nobody can look it up
	}
	op, err := o.iam.operation(req.GetName())
	if err != nil {
		return nil, err
	}
	caller := FromContext(ctx)
	if op.GetError() != nil {
		if o.iam.beganBy(req.GetName()) != caller.Member {
			return nil, CallerDenied("", "")
		}
	} else if project := o.iam.operationOf(req.GetName()); !o.iam.Holds(caller, o.see, project) {
		return nil, PermissionDenied(o.see, project)
	}
	return op, nil
}

// WaitOperation looks again until it is done, or the time that the caller gives is up.
func (o *operations) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	limit := 30 * time.Second
	if t := req.GetTimeout().AsDuration(); t > 0 && t < limit {
		limit = t
	}
	end := time.NewTimer(limit)
	defer end.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		op, err := o.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: req.GetName()})
		if err != nil || op.GetDone() {
			return op, err
		}
		select {
		case <-look.C:
		case <-end.C:
			return op, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nothingToDo is the name of operations of Service Usage that changed nothing.
const nothingToDo = "operations/noop.DONE_OPERATION"

// FinishedOperation is that of others that were done before they were answered.
const FinishedOperation = "operations/finished.DONE_OPERATION"

// opaque is a random name in the form of a UUID.
func opaque() string {
	b := []byte(digitsOf("0123456789abcdef", 32))
	b[12], b[16] = '4', 'a'
	return fmt.Sprintf("%s-%s-%s-%s-%s", b[:8], b[8:12], b[12:16], b[16:20], b[20:])
}
