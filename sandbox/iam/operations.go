package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// operation is work that Resource Manager or Service Usage has begun. What it
// does takes effect when it is done.
type operation struct {
	Name     string    `json:"name"` // "operations/cp.123"
	Project  string    `json:"project"`
	Done     time.Time `json:"done"`
	Metadata []byte    `json:"metadata,omitempty"` // google.protobuf.Any
	Response []byte    `json:"response,omitempty"`

	// How it failed, where it did; then it is about no project, and its caller may see it.
	Code   codes.Code `json:"code,omitempty"`
	Words  string     `json:"words,omitempty"`
	Caller string     `json:"caller,omitempty"`
}

const operationsKept = 1000

// begin notes an operation; the caller holds the lock.
func (k *IAM) begin(s *state, name, project string, takes time.Duration, metadata, response proto.Message) (*longrunningpb.Operation, error) {
	op := &operation{Name: name, Project: project, Done: k.clock().Add(takes)}
	var err error
	if op.Metadata, err = pack(metadata); err != nil {
		return nil, err
	}
	if op.Response, err = pack(response); err != nil {
		return nil, err
	}
	k.remember(s, op)
	return &longrunningpb.Operation{Name: name}, nil
}

// fail notes an operation that comes to nothing; the caller holds the lock.
func (k *IAM) fail(s *state, name, caller string, why *status.Status) *longrunningpb.Operation {
	k.remember(s, &operation{Name: name, Caller: caller, Done: k.clock(), Code: why.Code(), Words: why.Message()})
	return &longrunningpb.Operation{Name: name}
}

// remember keeps an operation, and forgets the oldest where there are too many.
func (k *IAM) remember(s *state, op *operation) {
	if len(s.Operations) >= operationsKept {
		oldest := slices.MinFunc(slices.Collect(maps.Values(s.Operations)), func(a, b *operation) int { return a.Done.Compare(b.Done) })
		delete(s.Operations, oldest.Name)
	}
	s.Operations[op.Name] = op
}

func pack(m proto.Message) ([]byte, error) {
	if m == nil {
		return nil, nil
	}
	a, err := anypb.New(m)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(a)
}

// beganBy is who asked for an operation that came to nothing.
func (k *IAM) beganBy(name string) string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if op := k.state.Operations[name]; op != nil {
		return op.Caller
	}
	return ""
}

// operation is its present state.
func (k *IAM) operation(name string) (*longrunningpb.Operation, error) {
	k.mu.RLock()
	op := k.state.Operations[name]
	k.mu.RUnlock()
	if op == nil {
		return nil, status.Errorf(codes.NotFound, "Operation %s not found.", strings.TrimPrefix(name, "operations/"))
	}
	out := &longrunningpb.Operation{Name: name}
	if op.Metadata != nil {
		out.Metadata = &anypb.Any{}
		if err := proto.Unmarshal(op.Metadata, out.Metadata); err != nil {
			return nil, err
		}
	}
	if k.clock().Before(op.Done) {
		return out, nil
	}
	if op.Code != codes.OK {
		out.Done, out.Result = true, &longrunningpb.Operation_Error{Error: status.New(op.Code, op.Words).Proto()}
		return out, nil
	}
	response := &anypb.Any{}
	if err := proto.Unmarshal(op.Response, response); err != nil {
		return nil, err
	}
	out.Done, out.Result = true, &longrunningpb.Operation_Response{Response: response}
	return out, nil
}
