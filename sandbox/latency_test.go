package sandbox

import (
	"testing"

	"cloud.google.com/go/kms/apiv1/kmspb"
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
		latency Latency
		state   kmspb.CryptoKeyVersion_CryptoKeyVersionState
	}{
		{Latency{Profile: Real}, kmspb.CryptoKeyVersion_PENDING_GENERATION},
		{Latency{Profile: Demo}, kmspb.CryptoKeyVersion_PENDING_GENERATION},
		{Latency{Profile: Instant}, kmspb.CryptoKeyVersion_ENABLED},
	} {
		if err := s.SetLatency(c.latency); err != nil {
			t.Fatal(err)
		}
		_, err := s.kms.CreateCryptoKey(t.Context(), &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: c.latency.Profile, CryptoKey: &kmspb.CryptoKey{
			Purpose:         kmspb.CryptoKey_ASYMMETRIC_SIGN,
			VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}})
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.kms.GetCryptoKeyVersion(t.Context(), &kmspb.GetCryptoKeyVersionRequest{Name: ring + "/cryptoKeys/" + c.latency.Profile + "/cryptoKeyVersions/1"})
		if err != nil || v.GetState() != c.state {
			t.Errorf("%+v: a new version is %s (%v), want %s", c.latency, v.GetState(), err, c.state)
		}
	}
	for _, bad := range []Latency{{}, {Profile: "slow"}, {Profile: Real, Factor: -1}} {
		if s.SetLatency(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
