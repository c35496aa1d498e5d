package kms_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

// TestLists pages, filters and sorts.
func TestLists(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.grpc("user:" + iam.Owner)
	k := w.signingKey(c)
	for range 11 {
		must(c.CreateCryptoKeyVersion(ctx, &kmspb.CreateCryptoKeyVersionRequest{Parent: k.GetName()}))(t)
	}
	must(setState(c, k.GetName()+"/cryptoKeyVersions/12", disabled))(t)
	numbers := func(req *kmspb.ListCryptoKeyVersionsRequest) (all []string, err error) {
		req.Parent = k.GetName()
		for it := c.ListCryptoKeyVersions(ctx, req); ; {
			v, err := it.Next()
			if errors.Is(err, iterator.Done) {
				return all, nil
			}
			if err != nil {
				return nil, err
			}
			all = append(all, v.GetName()[strings.LastIndex(v.GetName(), "/")+1:])
		}
	}
	for _, test := range []struct {
		filter, order, want string
		page                int32
	}{
		{"", "", "1 2 3 4 5 6 7 8 9 10 11 12", 0},
		{"", "", "1 2 3 4 5 6 7 8 9 10 11 12", 5},
		{"state=ENABLED", "name desc", "11 10 9 8 7 6 5 4 3 2 1", 0},
		{"state=DISABLED", "", "12", 0},
		{"NOT state=ENABLED", "", "12", 0},
		{"state != ENABLED OR name:cryptoKeyVersions/2", "name", "2 12", 1},
		{"(algorithm=EC_SIGN_P256_SHA256 AND state=disabled)", "", "12", 0},
		{"algorithm=RSA_SIGN_PSS_2048_SHA256", "", "", 0},
		{"createTime>2020-01-01 protectionLevel=SOFTWARE state=DISABLED", "", "12", 0},
		{"create_time<\"2020-01-01T00:00:00Z\"", "", "", 0},
	} {
		got, err := numbers(&kmspb.ListCryptoKeyVersionsRequest{Filter: test.filter, OrderBy: test.order, PageSize: test.page})
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("filter %q, order %q: %v, %v, want %s", test.filter, test.order, got, err, test.want)
		}
	}
	for _, req := range []*kmspb.ListCryptoKeyVersionsRequest{{Filter: "state="}, {Filter: "(state=ENABLED"}, {OrderBy: "colour"}, {OrderBy: "name up"}, {PageToken: "!"}, {PageToken: "AAAAAAAAAAA"}, {PageSize: -1}} {
		_, err := numbers(req)
		refused(t, err, codes.InvalidArgument, "")
	}
}

// TestLimits refuses what Google refuses of a key.
func TestLimits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.grpc("user:" + iam.Owner)
	ring := must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"}))(t).GetName()
	_, err := c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"})
	refused(t, err, codes.AlreadyExists, "KeyRing "+ring+" already exists.")
	_, err = c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r/../s"})
	refused(t, err, codes.InvalidArgument, "")
	_, err = c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: "projects/acme-demo/locations/atlantis", KeyRingId: "r"})
	refused(t, err, codes.NotFound, "Either Cloud KMS is not available in 'atlantis' or the request was misrouted.")
	_, err = c.GetLocation(ctx, locationRequest("projects/acme-demo/locations/atlantis"))
	refused(t, err, codes.NotFound, "Either Cloud KMS is not available in 'atlantis' or the request was misrouted.")
	signing := kmspb.CryptoKey_ASYMMETRIC_SIGN
	p256 := &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}
	for name, k := range map[string]*kmspb.CryptoKey{
		"no purpose":        {},
		"no algorithm":      {Purpose: signing},
		"another purpose's": {Purpose: kmspb.CryptoKey_ENCRYPT_DECRYPT, VersionTemplate: p256},
		"rotation":          {Purpose: signing, VersionTemplate: p256, RotationSchedule: &kmspb.CryptoKey_RotationPeriod{RotationPeriod: durationpb.New(48 * time.Hour)}},
		"rotates too often": {Purpose: kmspb.CryptoKey_ENCRYPT_DECRYPT, RotationSchedule: &kmspb.CryptoKey_RotationPeriod{RotationPeriod: durationpb.New(time.Hour)}},
		"rotates yesterday": {Purpose: kmspb.CryptoKey_ENCRYPT_DECRYPT, NextRotationTime: timestamppb.New(w.clock().Add(-time.Hour))},
		"destroys too soon": {Purpose: signing, VersionTemplate: p256, DestroyScheduledDuration: durationpb.New(time.Hour)},
		"bad label":         {Purpose: signing, VersionTemplate: p256, Labels: map[string]string{"Key": "v"}},
	} {
		_, err := c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: "k", CryptoKey: k})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: place + "/keyRings/none", CryptoKeyId: "k", CryptoKey: &kmspb.CryptoKey{Purpose: signing, VersionTemplate: p256}})
	refused(t, err, codes.NotFound, "KeyRing "+place+"/keyRings/none not found.")
	k := must(c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: "k", CryptoKey: &kmspb.CryptoKey{Purpose: signing, VersionTemplate: p256}}))(t)
	for _, path := range []string{"purpose", "destroy_scheduled_duration", "import_only"} {
		_, err := c.UpdateCryptoKey(ctx, &kmspb.UpdateCryptoKeyRequest{CryptoKey: k, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
		refused(t, err, codes.InvalidArgument, path)
	}
	k.Labels = map[string]string{"a": "b"}
	k = must(c.UpdateCryptoKey(ctx, &kmspb.UpdateCryptoKeyRequest{CryptoKey: k, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}}))(t)
	if k.GetLabels()["a"] != "b" {
		t.Errorf("updated %v", k)
	}
}
