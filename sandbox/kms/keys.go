package kms

import (
	"context"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// destroyAfter is how long versions are scheduled for destruction, unless the key says otherwise.
const destroyAfter = 30 * 24 * time.Hour

func (k *key) proto(n name) *kmspb.CryptoKey {
	n = n.upTo(4)
	out := &kmspb.CryptoKey{
		Name: n.String(), Purpose: k.Purpose, CreateTime: timestamppb.New(k.Created), Labels: maps.Clone(k.Labels), ImportOnly: k.ImportOnly,
		VersionTemplate:          &kmspb.CryptoKeyVersionTemplate{ProtectionLevel: k.Level, Algorithm: k.Algorithm},
		DestroyScheduledDuration: durationpb.New(k.DestroyAfter),
	}
	if v := k.version(k.Primary); v != nil {
		out.Primary = v.proto(n)
	}
	if k.RotationPeriod != nil {
		out.RotationSchedule = &kmspb.CryptoKey_RotationPeriod{RotationPeriod: durationpb.New(*k.RotationPeriod)}
	}
	if !k.NextRotation.IsZero() {
		out.NextRotationTime = timestamppb.New(k.NextRotation)
	}
	return out
}

// CreateCryptoKey makes a key and, unless asked not to, its first version.
func (s *Service) CreateCryptoKey(_ context.Context, req *kmspb.CreateCryptoKeyRequest) (*kmspb.CryptoKey, error) {
	n, err := s.parse(req.GetParent(), 3)
	if err != nil {
		return nil, err
	}
	if n.key = req.GetCryptoKeyId(); !validID(n.key) {
		return nil, invalidID("crypto_key_id", n.key)
	}
	k, err := newKey(req.GetCryptoKey(), s.iam.Now())
	if err != nil {
		return nil, err
	}
	if k.ImportOnly && !req.GetSkipInitialVersionCreation() {
		return nil, invalid("skip_initial_version_creation must be set for a CryptoKey that is import_only.")
	}
	var out *kmspb.CryptoKey
	err = s.change(func(now time.Time) error {
		r, err := s.findRing(n)
		if err != nil {
			return err
		}
		if r.Keys[n.key] != nil || slices.Contains(r.Retired, n.key) {
			return exists("CryptoKey", n)
		}
		k.Created = now
		if !req.GetSkipInitialVersionCreation() {
			if v := s.add(k, now); k.Purpose == forEncryption {
				k.Primary = v.Number
			}
		}
		r.Keys[n.key] = k
		out = k.proto(n)
		return nil
	})
	return out, err
}

// GetCryptoKey looks one up.
func (s *Service) GetCryptoKey(_ context.Context, req *kmspb.GetCryptoKeyRequest) (*kmspb.CryptoKey, error) {
	return lookUp(s, req.GetName(), 4, func(n name) (*kmspb.CryptoKey, error) {
		k, err := s.findKey(n)
		if err != nil {
			return nil, err
		}
		return k.proto(n), nil
	})
}

// ListCryptoKeys lists those of a key ring.
func (s *Service) ListCryptoKeys(_ context.Context, req *kmspb.ListCryptoKeysRequest) (*kmspb.ListCryptoKeysResponse, error) {
	page, next, total, err := listed(s, req, 3, func(n name) (all []*kmspb.CryptoKey, err error) {
		r, err := s.findRing(n)
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Sorted(maps.Keys(r.Keys)) {
			n.key = id
			all = append(all, r.Keys[id].proto(n))
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return &kmspb.ListCryptoKeysResponse{CryptoKeys: page, NextPageToken: next, TotalSize: int32(total)}, nil
}

// UpdateCryptoKey changes what may be changed of a key, as far as the mask says.
func (s *Service) UpdateCryptoKey(_ context.Context, req *kmspb.UpdateCryptoKeyRequest) (*kmspb.CryptoKey, error) {
	n, err := s.parse(req.GetCryptoKey().GetName(), 4)
	if err != nil {
		return nil, err
	}
	if len(req.GetUpdateMask().GetPaths()) == 0 {
		return nil, invalid("The update_mask must name at least one field of the CryptoKey.")
	}
	var out *kmspb.CryptoKey
	err = s.change(func(now time.Time) error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		next := *k
		for _, path := range req.GetUpdateMask().GetPaths() {
			if err := next.update(path, req.GetCryptoKey()); err != nil {
				return err
			}
		}
		if err := next.valid(now); err != nil {
			return err
		}
		*k = next
		out = k.proto(n)
		return nil
	})
	return out, err
}

// update takes one field over.
func (k *key) update(path string, from *kmspb.CryptoKey) error {
	switch path {
	case "labels":
		k.Labels = maps.Clone(from.GetLabels())
	case "rotation_period", "rotation_schedule":
		k.RotationPeriod = nil
		if p := from.GetRotationPeriod(); p != nil {
			d := p.AsDuration()
			k.RotationPeriod = &d
		}
	case "next_rotation_time":
		k.NextRotation = time.Time{}
		if t := from.GetNextRotationTime(); t != nil {
			k.NextRotation = t.AsTime()
		}
	case "version_template", "version_template.algorithm":
		k.Algorithm = from.GetVersionTemplate().GetAlgorithm()
	default:
		return invalid("The field %s of a CryptoKey cannot be updated.", path)
	}
	return nil
}

// UpdateCryptoKeyPrimaryVersion says which version encrypts.
func (s *Service) UpdateCryptoKeyPrimaryVersion(_ context.Context, req *kmspb.UpdateCryptoKeyPrimaryVersionRequest) (*kmspb.CryptoKey, error) {
	n, err := s.parse(req.GetName(), 4)
	if err != nil {
		return nil, err
	}
	to, err := s.parse(req.GetName()+"/cryptoKeyVersions/"+req.GetCryptoKeyVersionId(), 5)
	if err != nil {
		return nil, err
	}
	var out *kmspb.CryptoKey
	err = s.change(func(time.Time) error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		if k.Purpose != forEncryption {
			return wrongPurpose(n, k.Purpose)
		}
		_, v, err := s.findVersion(to)
		if err != nil {
			return err
		}
		if v.State != enabled {
			return notEnabled(to, v.State)
		}
		k.Primary = v.Number
		out = k.proto(n)
		return nil
	})
	return out, err
}
