package kms

import (
	"context"
	"slices"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (v *version) proto(of name) *kmspb.CryptoKeyVersion {
	of.version = v.Number
	out := &kmspb.CryptoKeyVersion{
		Name: of.String(), State: v.State, ProtectionLevel: v.Level, Algorithm: v.Algorithm,
		CreateTime: timestamppb.New(v.Created), GenerationFailureReason: v.Failure,
	}
	if !v.Generated.IsZero() {
		out.GenerateTime = timestamppb.New(v.Generated)
	}
	if !v.Destroy.IsZero() {
		out.DestroyTime = timestamppb.New(v.Destroy)
	}
	if !v.Destroyed.IsZero() {
		out.DestroyEventTime = timestamppb.New(v.Destroyed)
	}
	if v.Job != "" {
		v.imports(out)
	}
	return out
}

// CreateCryptoKeyVersion gives a key one more version, with the next number.
func (s *Service) CreateCryptoKeyVersion(_ context.Context, req *kmspb.CreateCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	n, err := s.parse(req.GetParent(), 4)
	if err != nil {
		return nil, err
	}
	want := req.GetCryptoKeyVersion().GetState()
	if want != 0 && want != enabled && want != disabled {
		return nil, invalid("A CryptoKeyVersion cannot be created in state %s.", want)
	}
	var out *kmspb.CryptoKeyVersion
	err = s.change(func(now time.Time) error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		if k.ImportOnly {
			return precondition("The request cannot be fulfilled. Resource "+n.String()+" has value true in field crypto_key.import_only.", "crypto_key.import_only", n)
		}
		v := s.add(k, now)
		if v.Disable = want == disabled; v.Disable && v.State == enabled {
			v.State, v.Disable = disabled, false
		}
		out = v.proto(n)
		return nil
	})
	return out, err
}

// GetCryptoKeyVersion looks one up.
func (s *Service) GetCryptoKeyVersion(_ context.Context, req *kmspb.GetCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	return lookUp(s, req.GetName(), 5, func(n name) (*kmspb.CryptoKeyVersion, error) {
		_, v, err := s.findVersion(n)
		if err != nil {
			return nil, err
		}
		return v.proto(n), nil
	})
}

// ListCryptoKeyVersions lists those of a key.
func (s *Service) ListCryptoKeyVersions(_ context.Context, req *kmspb.ListCryptoKeyVersionsRequest) (*kmspb.ListCryptoKeyVersionsResponse, error) {
	page, next, total, err := listed(s, req, 4, func(n name) (all []*kmspb.CryptoKeyVersion, err error) {
		k, err := s.findKey(n)
		if err != nil {
			return nil, err
		}
		for _, v := range k.Versions {
			all = append(all, v.proto(n))
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return &kmspb.ListCryptoKeyVersionsResponse{CryptoKeyVersions: page, NextPageToken: next, TotalSize: int32(total)}, nil
}

// move takes a version from one of the states given to another.
func (s *Service) move(text string, from []versionState, to func(*key, *version, time.Time)) (*kmspb.CryptoKeyVersion, error) {
	n, err := s.parse(text, 5)
	if err != nil {
		return nil, err
	}
	var out *kmspb.CryptoKeyVersion
	err = s.change(func(now time.Time) error {
		k, v, err := s.findVersion(n)
		if err != nil {
			return err
		}
		if !slices.Contains(from, v.State) {
			return wrongState(n, v.State)
		}
		to(k, v, now)
		out = v.proto(n)
		return nil
	})
	return out, err
}

// UpdateCryptoKeyVersion enables or disables a version.
func (s *Service) UpdateCryptoKeyVersion(_ context.Context, req *kmspb.UpdateCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	paths := req.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		return nil, invalid("The update_mask must name at least one field of the CryptoKeyVersion.")
	}
	for _, path := range paths {
		if path != "state" {
			return nil, invalid("The field %s of a CryptoKeyVersion cannot be updated.", path)
		}
	}
	to := req.GetCryptoKeyVersion().GetState()
	if to != enabled && to != disabled {
		return nil, invalid("The state of a CryptoKeyVersion can only be updated to ENABLED or DISABLED, not to %s.", to)
	}
	return s.move(req.GetCryptoKeyVersion().GetName(), []versionState{enabled, disabled}, func(_ *key, v *version, _ time.Time) { v.State = to })
}

// DestroyCryptoKeyVersion schedules a version for destruction.
func (s *Service) DestroyCryptoKeyVersion(_ context.Context, req *kmspb.DestroyCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	return s.move(req.GetName(), []versionState{enabled, disabled}, func(k *key, v *version, now time.Time) {
		v.State, v.Destroy = scheduled, now.Add(k.DestroyAfter)
	})
}

// RestoreCryptoKeyVersion takes a version back before it is destroyed.
func (s *Service) RestoreCryptoKeyVersion(_ context.Context, req *kmspb.RestoreCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	return s.move(req.GetName(), []versionState{scheduled}, func(_ *key, v *version, _ time.Time) {
		v.State, v.Destroy = disabled, time.Time{}
	})
}
