package sandbox

import (
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"

	"github.com/signgate/signgate/sandbox/kms"
)

func TestLatency(t *testing.T) {
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	const ring = "projects/acme-demo/locations/europe-west1/keyRings/r"
	if _, err := s.kms.CreateKeyRing(t.Context(), &kmspb.CreateKeyRingRequest{Parent: "projects/acme-demo/locations/europe-west1", KeyRingId: "r"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		latency  Latency
		generate time.Duration // what a version takes; a machine that was slower than that has seen nothing
		state    kmspb.CryptoKeyVersion_CryptoKeyVersionState
	}{
		{Latency{Profile: Real}, kms.Real(1).Generate, kmspb.CryptoKeyVersion_PENDING_GENERATION},
		{Latency{Profile: Demo}, kms.Demo().Generate, kmspb.CryptoKeyVersion_PENDING_GENERATION},
		{Latency{Profile: Instant}, 0, kmspb.CryptoKeyVersion_ENABLED},
	} {
		if err := s.SetLatency(c.latency); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := s.kms.CreateCryptoKey(t.Context(), &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: c.latency.Profile, CryptoKey: &kmspb.CryptoKey{
			Purpose:         kmspb.CryptoKey_ASYMMETRIC_SIGN,
			VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}})
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.kms.GetCryptoKeyVersion(t.Context(), &kmspb.GetCryptoKeyVersionRequest{Name: ring + "/cryptoKeys/" + c.latency.Profile + "/cryptoKeyVersions/1"})
		if late := c.generate > 0 && time.Since(start) >= c.generate; err != nil || v.GetState() != c.state && !late {
			t.Errorf("%+v: a new version is %s (%v), want %s", c.latency, v.GetState(), err, c.state)
		}
	}
	for _, bad := range []Latency{{}, {Profile: "slow"}, {Profile: Real, Factor: -1}} {
		if s.SetLatency(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
