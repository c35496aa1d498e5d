package artifacts

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// operation is work that has begun, and what comes of it when it is done.
type operation struct {
	Done     time.Time `json:"done"`
	Response []byte    `json:"response"` // google.protobuf.Any
}

const operationsKept = 1000

// begin notes an operation in the location of a resource; the caller holds the lock.
// The oldest are forgotten.
func (s *Service) begin(resource string, takes time.Duration, response proto.Message) (*longrunningpb.Operation, error) {
	parts := strings.Split(s.canonical(resource), "/")
	packed, err := anypb.New(response)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(packed)
	if err != nil {
		return nil, err
	}
	name := strings.Join(parts[:4], "/") + "/operations/" + uuid()
	if all := s.state.Operations; len(all) >= operationsKept {
		delete(all, slices.MinFunc(slices.Collect(maps.Keys(all)), func(a, b string) int { return all[a].Done.Compare(all[b].Done) }))
	}
	s.state.Operations[name] = &operation{Done: s.iam.Now().Add(takes), Response: data}
	if err := s.save(); err != nil {
		return nil, err
	}
	return running(name)
}

func running(name string) (*longrunningpb.Operation, error) {
	metadata, err := anypb.New(&artifactregistrypb.OperationMetadata{})
	return &longrunningpb.Operation{Name: name, Metadata: metadata}, err
}

// uuid is a random one (RFC 9562, version 4).
func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

type operations struct {
	longrunningpb.UnimplementedOperationsServer
	s *Service
}

// GetOperation tells how far one is.
func (o operations) GetOperation(_ context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	o.s.mu.RLock()
	op := o.s.state.Operations[o.s.canonical(req.GetName())]
	o.s.mu.RUnlock()
	if op == nil {
		return nil, notFound()
	}
	out, err := running(o.s.canonical(req.GetName()))
	if err != nil || o.s.iam.Now().Before(op.Done) {
		return out, err
	}
	response := &anypb.Any{}
	if err := proto.Unmarshal(op.Response, response); err != nil {
		return nil, err
	}
	out.Done, out.Result = true, &longrunningpb.Operation_Response{Response: response}
	return out, nil
}
