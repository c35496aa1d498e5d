package kms

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// retired is what is left of a key that was deleted: its name, which none can have again.
type retired struct {
	Name     string    `json:"name"`
	Original string    `json:"original"`
	Deleted  time.Time `json:"deleted"`
}

func (r *retired) proto() *kmspb.RetiredResource {
	return &kmspb.RetiredResource{Name: r.Name, OriginalResource: r.Original, ResourceType: Host + "/CryptoKey", DeleteTime: timestamppb.New(r.Deleted)}
}

// operation is a deletion, which is done when it is answered.
type operation struct {
	Began   time.Time `json:"began"`
	Retired string    `json:"retired,omitempty"` // of a key
	Ring    bool      `json:"ring,omitempty"`    // of a key ring
}

func (o *operation) proto(name string) (*longrunningpb.Operation, error) {
	var about proto.Message = &kmspb.DeleteCryptoKeyVersionMetadata{}
	if o.Retired != "" {
		about = &kmspb.DeleteCryptoKeyMetadata{RetiredResource: o.Retired}
	}
	var meta *anypb.Any // what a key ring's has is not known
	if !o.Ring {
		var err error
		if meta, err = anypb.New(about); err != nil {
			return nil, err
		}
	}
	nothing, err := anypb.New(&emptypb.Empty{})
	if err != nil {
		return nil, err
	}
	return &longrunningpb.Operation{Name: name, Metadata: meta, Done: true, Result: &longrunningpb.Operation_Response{Response: nothing}}, nil
}

// begin notes an operation; the caller holds the lock. The oldest are forgotten.
func (s *Service) begin(n name, now time.Time, o *operation) (*longrunningpb.Operation, error) {
	if all := s.state.Operations; len(all) >= operationsKept {
		delete(all, slices.MinFunc(slices.Collect(maps.Keys(all)), func(a, b string) int { return all[a].Began.Compare(all[b].Began) }))
	}
	o.Began = now
	name := n.upTo(2).String() + "/operations/" + uuid()
	s.state.Operations[name] = o
	return o.proto(name)
}

func uuid() string {
	b := random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// DeleteCryptoKeyVersion forgets a version that has no key material any more.
func (s *Service) DeleteCryptoKeyVersion(_ context.Context, req *kmspb.DeleteCryptoKeyVersionRequest) (*longrunningpb.Operation, error) {
	n, err := s.parse(req.GetName(), 5)
	if err != nil {
		return nil, err
	}
	var out *longrunningpb.Operation
	err = s.change(func(now time.Time) error {
		k, v, err := s.findVersion(n)
		if err != nil {
			return err
		}
		if v.State != destroyed && v.State != failed {
			return wrongState(n, v.State)
		}
		k.Versions = slices.DeleteFunc(k.Versions, func(have *version) bool { return have == v })
		if k.Primary == v.Number {
			k.Primary = 0
		}
		out, err = s.begin(n, now, &operation{})
		return err
	})
	return out, err
}

// DeleteCryptoKey forgets a key whose versions are all deleted, and retires its name.
func (s *Service) DeleteCryptoKey(_ context.Context, req *kmspb.DeleteCryptoKeyRequest) (*longrunningpb.Operation, error) {
	n, err := s.parse(req.GetName(), 4)
	if err != nil {
		return nil, err
	}
	var out *longrunningpb.Operation
	err = s.change(func(now time.Time) error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		if len(k.Versions) > 0 {
			return precondition("CryptoKey "+n.String()+" still has CryptoKeyVersions: delete them first.", "crypto_key.versions", n)
		}
		r := s.state.Rings[n.upTo(3).String()]
		delete(r.Keys, n.key)
		r.Retired = append(r.Retired, n.key)
		gone := &retired{Name: n.upTo(2).String() + "/retiredResources/" + uuid(), Original: n.String(), Deleted: now}
		s.state.Retired = append(s.state.Retired, gone)
		out, err = s.begin(n, now, &operation{Retired: gone.Name})
		return err
	})
	if err == nil {
		err = s.iam.DropPolicy(n.String())
	}
	return out, err
}

// GetRetiredResource looks up what is left of a key.
func (s *Service) GetRetiredResource(_ context.Context, req *kmspb.GetRetiredResourceRequest) (*kmspb.RetiredResource, error) {
	return look(s, func() (*kmspb.RetiredResource, error) {
		for _, r := range s.state.Retired {
			if r.Name == req.GetName() {
				return r.proto(), nil
			}
		}
		return nil, notFound("RetiredResource", text(req.GetName()))
	})
}

// text is a name as it was asked for.
type text string

func (t text) String() string { return string(t) }

// ListRetiredResources lists what is left of a location's keys.
func (s *Service) ListRetiredResources(_ context.Context, req *kmspb.ListRetiredResourcesRequest) (*kmspb.ListRetiredResourcesResponse, error) {
	all, err := lookUp(s, req.GetParent(), 2, func(n name) (all []*kmspb.RetiredResource, err error) {
		for _, r := range s.state.Retired {
			if strings.HasPrefix(r.Name, n.String()+"/") {
				all = append(all, r.proto())
			}
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	page, next, total, err := paged(all, req.GetPageSize(), req.GetPageToken(), req.GetParent())
	if err != nil {
		return nil, err
	}
	return &kmspb.ListRetiredResourcesResponse{RetiredResources: page, NextPageToken: next, TotalSize: int64(total)}, nil
}

// operations are the host's google.longrunning.Operations.
type operations struct {
	longrunningpb.UnimplementedOperationsServer
	s *Service
}

func (o operations) GetOperation(_ context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return look(o.s, func() (*longrunningpb.Operation, error) {
		op := o.s.state.Operations[req.GetName()]
		if op == nil {
			return nil, notFound("Operation", text(req.GetName()))
		}
		return op.proto(req.GetName())
	})
}
