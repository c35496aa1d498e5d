package kms_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"google.golang.org/api/cloudkms/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

// TestDiscovery calls every method that the flow uses with the client that Google makes from the
// API's discovery document: one success and one refusal each.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	w := start(t, kms.Options{})
	client := func(who string) *cloudkms.ProjectsLocationsKeyRingsService {
		hc := &http.Client{Transport: &oauth2.Transport{Source: w.token("user:" + who), Base: w.transport()}}
		return must(cloudkms.NewService(context.Background(), option.WithHTTPClient(hc)))(t).Projects.Locations.KeyRings
	}
	rings, viewer := client(iam.Owner), client(iam.Viewer)
	const ring, key, one, none = place + "/keyRings/r", place + "/keyRings/r/cryptoKeys/k", place + "/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", place + "/keyRings/r/cryptoKeys/k/cryptoKeyVersions/9"
	keys, versions := rings.CryptoKeys, rings.CryptoKeys.CryptoKeyVersions
	asked := &cloudkms.CryptoKey{Purpose: "ASYMMETRIC_SIGN", VersionTemplate: &cloudkms.CryptoKeyVersionTemplate{Algorithm: "EC_SIGN_P256_SHA256"}, Labels: map[string]string{"a": "b"}}
	sign := &cloudkms.AsymmetricSignRequest{Digest: &cloudkms.Digest{Sha256: base64.StdEncoding.EncodeToString(sha("x"))}}
	for _, step := range []struct {
		name string
		call func() (any, error)
		code int    // of the refusal; 0 for none
		want string // in its words
	}{
		{"create ring", func() (any, error) { return rings.Create(place, &cloudkms.KeyRing{}).KeyRingId("r").Do() }, 0, ""},
		{"create ring again", func() (any, error) { return rings.Create(place, &cloudkms.KeyRing{}).KeyRingId("r").Do() }, 409, "KeyRing " + ring + " already exists."},
		{"get ring", func() (any, error) { return rings.Get(ring).Do() }, 0, ""},
		{"get no ring", func() (any, error) { return rings.Get(ring + "0").Do() }, 404, "KeyRing " + ring + "0 not found."},
		{"create key", func() (any, error) { return keys.Create(ring, asked).CryptoKeyId("k").Do() }, 0, ""},
		{"create key as viewer", func() (any, error) { return viewer.CryptoKeys.Create(ring, asked).CryptoKeyId("v").Do() }, 403, "Permission 'cloudkms.cryptoKeys.create' denied on resource '" + ring + "' (or it may not exist)."},
		{"get key", func() (any, error) { return keys.Get(key).Do() }, 0, ""},
		{"get no key", func() (any, error) { return keys.Get(key + "0").Do() }, 404, "CryptoKey " + key + "0 not found."},
		{"patch key", func() (any, error) {
			return keys.Patch(key, &cloudkms.CryptoKey{Labels: map[string]string{"c": "d"}}).UpdateMask("labels").Do()
		}, 0, ""},
		{"patch without mask", func() (any, error) { return keys.Patch(key, &cloudkms.CryptoKey{}).Do() }, 400, "update_mask"},
		{"list versions", func() (any, error) {
			all, err := versions.List(key).Filter("state=ENABLED").OrderBy("name desc").Do()
			if err == nil && (all.TotalSize != 1 || all.CryptoKeyVersions[0].Name != one) {
				err = errors.New("another list")
			}
			return all, err
		}, 0, ""},
		{"list no versions", func() (any, error) { return versions.List(key + "0").Do() }, 404, "not found"},
		{"get version", func() (any, error) { return versions.Get(one).Do() }, 0, ""},
		{"get no version", func() (any, error) { return versions.Get(none).Do() }, 404, "CryptoKeyVersion " + none + " not found."},
		{"public key", func() (any, error) { return versions.GetPublicKey(one).Do() }, 0, ""},
		{"no public key", func() (any, error) { return versions.GetPublicKey(none).Do() }, 404, "not found"},
		{"sign", func() (any, error) { return versions.AsymmetricSign(one, sign).Do() }, 0, ""},
		{"sign as viewer", func() (any, error) { return viewer.CryptoKeys.CryptoKeyVersions.AsymmetricSign(one, sign).Do() }, 403, "Permission 'cloudkms.cryptoKeyVersions.useToSign' denied"},
		{"create version", func() (any, error) { return versions.Create(key, &cloudkms.CryptoKeyVersion{}).Do() }, 0, ""},
		{"create version of no key", func() (any, error) { return versions.Create(key+"0", &cloudkms.CryptoKeyVersion{}).Do() }, 404, "not found"},
		{"disable", func() (any, error) {
			return versions.Patch(one, &cloudkms.CryptoKeyVersion{State: "DISABLED"}).UpdateMask("state").Do()
		}, 0, ""},
		{"disabled", func() (any, error) { return versions.AsymmetricSign(one, sign).Do() }, 400, one + " is not enabled, current state is: DISABLED."},
		{"to another state", func() (any, error) {
			return versions.Patch(one, &cloudkms.CryptoKeyVersion{State: "DESTROYED"}).UpdateMask("state").Do()
		}, 400, "DESTROYED"},
		{"destroy", func() (any, error) {
			return versions.Destroy(one, &cloudkms.DestroyCryptoKeyVersionRequest{}).Do()
		}, 0, ""},
		{"destroy again", func() (any, error) {
			return versions.Destroy(one, &cloudkms.DestroyCryptoKeyVersionRequest{}).Do()
		}, 400, "has value DESTROY_SCHEDULED in field crypto_key_version.state."},
		{"restore", func() (any, error) {
			return versions.Restore(one, &cloudkms.RestoreCryptoKeyVersionRequest{}).Do()
		}, 0, ""},
		{"restore again", func() (any, error) {
			return versions.Restore(one, &cloudkms.RestoreCryptoKeyVersionRequest{}).Do()
		}, 400, "has value DISABLED in field crypto_key_version.state."},
	} {
		_, err := step.call()
		var refusal *googleapi.Error
		switch {
		case step.code == 0 && err != nil:
			t.Errorf("%s: %v", step.name, err)
		case step.code != 0 && (!errors.As(err, &refusal) || refusal.Code != step.code || !strings.Contains(refusal.Message, step.want)):
			t.Errorf("%s: %v, want %d %s", step.name, err, step.code, step.want)
		}
	}
}
