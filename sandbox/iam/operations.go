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
	Response []byte    `json:"response"`
}

const operationsKept = 1000

// begin notes an operation; the caller holds the lock. The oldest are forgotten.
func (k *IAM) begin(s *state, name, project string, takes time.Duration, metadata, response proto.Message) (*longrunningpb.Operation, error) {
	op := &operation{Name: name, Project: project, Done: k.clock().Add(takes)}
	var err error
	if op.Metadata, err = pack(metadata); err != nil {
		return nil, err
	}
	if op.Response, err = pack(response); err != nil {
		return nil, err
	}
	if len(s.Operations) >= operationsKept {
		oldest := slices.MinFunc(slices.Collect(maps.Values(s.Operations)), func(a, b *operation) int { return a.Done.Compare(b.Done) })
		delete(s.Operations, oldest.Name)
	}
	s.Operations[name] = op
	return &longrunningpb.Operation{Name: name}, nil
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
	response := &anypb.Any{}
	if err := proto.Unmarshal(op.Response, response); err != nil {
		return nil, err
	}
	out.Done, out.Result = true, &longrunningpb.Operation_Response{Response: response}
	return out, nil
}
