package kms

import (
	"maps"
	"regexp"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What Google allows of a key (cloud.google.com/kms/docs, and the definitions).
const (
	day            = 24 * time.Hour
	rotationMax    = 876_000 * time.Hour
	destroyMin     = day
	destroyMax     = 120 * day
	labelsMax      = 64
	plaintextMax   = 64 << 10 // what is encrypted, signed or authenticated in one call
	randomMin      = 8
	randomMax      = 1024
	operationsKept = 1000
)

// newKey reads a key as its maker asks for it.
func newKey(from *kmspb.CryptoKey, now time.Time) (*key, error) {
	k := &key{
		Purpose: from.GetPurpose(), Labels: maps.Clone(from.GetLabels()), ImportOnly: from.GetImportOnly(), DestroyAfter: destroyAfter,
		Algorithm: from.GetVersionTemplate().GetAlgorithm(), Level: from.GetVersionTemplate().GetProtectionLevel(),
	}
	if k.Level == kmspb.ProtectionLevel_PROTECTION_LEVEL_UNSPECIFIED {
		k.Level = kmspb.ProtectionLevel_SOFTWARE
	}
	if k.Algorithm == 0 && k.Purpose == forEncryption {
		k.Algorithm = kmspb.CryptoKeyVersion_GOOGLE_SYMMETRIC_ENCRYPTION
	}
	if d := from.GetDestroyScheduledDuration(); d != nil {
		if k.DestroyAfter = d.AsDuration(); !d.IsValid() || k.DestroyAfter < destroyMin || k.DestroyAfter > destroyMax {
			return nil, invalid("destroy_scheduled_duration must be between %s and %s.", seconds(destroyMin), seconds(destroyMax))
		}
	}
	for _, path := range []string{"rotation_period", "next_rotation_time"} {
		if err := k.update(path, from); err != nil {
			return nil, err
		}
	}
	switch {
	case k.Purpose == kmspb.CryptoKey_CRYPTO_KEY_PURPOSE_UNSPECIFIED:
		return nil, invalid("The purpose of the CryptoKey must be specified.")
	case from.GetKeyAccessJustificationsPolicy() != nil || from.GetCryptoKeyBackend() != "":
		return nil, unserved("Key access justifications and key backends are")
	case k.Level != kmspb.ProtectionLevel_SOFTWARE && k.Level != kmspb.ProtectionLevel_HSM:
		return nil, unserved("Protection level %s is", k.Level)
	}
	return k, k.valid(now)
}

// valid holds a key to the limits.
func (k *key) valid(now time.Time) error {
	c, ok := schemes(k.Algorithm)
	switch {
	case k.Algorithm == 0:
		return invalid("The algorithm of the version_template must be specified for purpose %s.", k.Purpose)
	case !ok:
		return unserved("Algorithm %s is", k.Algorithm)
	case c.purpose != k.Purpose:
		return invalid("Algorithm %s is not valid for purpose %s.", k.Algorithm, k.Purpose)
	}
	rotates := k.RotationPeriod != nil && *k.RotationPeriod != 0
	switch {
	case k.Purpose != forEncryption && (rotates || !k.NextRotation.IsZero()):
		return invalid("Automatic rotation is not supported for keys with purpose %s.", k.Purpose)
	case rotates && (*k.RotationPeriod < day || *k.RotationPeriod > rotationMax):
		return invalid("rotation_period must be between %s and %s.", seconds(day), seconds(rotationMax))
	case !k.NextRotation.IsZero() && !k.NextRotation.After(now):
		return invalid("next_rotation_time must be in the future.")
	}
	return validLabels(k.Labels)
}

func seconds(d time.Duration) string { return d.Truncate(time.Second).String() }

func validLabels(labels map[string]string) error {
	if len(labels) > labelsMax {
		return invalid("A CryptoKey can have at most %d labels.", labelsMax)
	}
	key, value := regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`), regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
	for k, v := range labels {
		if !key.MatchString(k) || !value.MatchString(v) {
			return invalid("Invalid label: %q: %q. Keys have 1 to 63 characters and begin with a lowercase letter, values at most 63; "+
				"both hold only lowercase letters, digits, underscores and dashes.", k, v)
		}
	}
	return nil
}

// unserved is what the sandbox says of what it has no part of.
func unserved(format string, args ...any) error {
	return status.Errorf(codes.Unimplemented, format+" not part of the sandbox.", args...)
}
