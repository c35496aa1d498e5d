package kms

import (
	"context"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (r *ring) proto(n name) *kmspb.KeyRing {
	return &kmspb.KeyRing{Name: n.upTo(3).String(), CreateTime: timestamppb.New(r.Created)}
}

// CreateKeyRing makes a key ring, which can never be renamed.
func (s *Service) CreateKeyRing(_ context.Context, req *kmspb.CreateKeyRingRequest) (*kmspb.KeyRing, error) {
	n, err := s.parse(req.GetParent(), 2)
	if err != nil {
		return nil, err
	}
	if n.ring = req.GetKeyRingId(); !validID(n.ring) {
		return nil, invalidID("key_ring_id", n.ring)
	}
	var out *kmspb.KeyRing
	err = s.change(func(now time.Time) error {
		if s.state.Rings[n.String()] != nil || s.gone(n) {
			return exists("KeyRing", n)
		}
		r := &ring{Created: now, Keys: map[string]*key{}}
		s.state.Rings[n.String()] = r
		out = r.proto(n)
		return nil
	})
	return out, err
}

// GetKeyRing looks one up.
func (s *Service) GetKeyRing(_ context.Context, req *kmspb.GetKeyRingRequest) (*kmspb.KeyRing, error) {
	return lookUp(s, req.GetName(), 3, func(n name) (*kmspb.KeyRing, error) {
		r, err := s.findRing(n)
		if err != nil {
			return nil, err
		}
		return r.proto(n), nil
	})
}

// ListKeyRings lists those of a location.
func (s *Service) ListKeyRings(_ context.Context, req *kmspb.ListKeyRingsRequest) (*kmspb.ListKeyRingsResponse, error) {
	page, next, total, err := listed(s, req, 2, func(parent name) (all []*kmspb.KeyRing, err error) {
		for _, text := range slices.Sorted(maps.Keys(s.state.Rings)) {
			if n, err := s.parse(text, 3); err == nil && n.upTo(2) == parent {
				all = append(all, s.state.Rings[text].proto(n))
			}
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return &kmspb.ListKeyRingsResponse{KeyRings: page, NextPageToken: next, TotalSize: int32(total)}, nil
}
