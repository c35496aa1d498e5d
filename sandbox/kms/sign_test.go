package kms_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"hash/crc32"
	"strings"
	"testing"

	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

func sum(data []byte) *wrapperspb.Int64Value {
	return wrapperspb.Int64(int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))))
}

func sha(text string) []byte {
	d := sha256.Sum256([]byte(text))
	return d[:]
}

func digest256(d []byte) *kmspb.Digest {
	return &kmspb.Digest{Digest: &kmspb.Digest_Sha256{Sha256: d}}
}

// TestFlow is what signgate, cosign and policy-controller do, over both transports.
func TestFlow(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(*world) *kmsapi.KeyManagementClient{
		"grpc": func(w *world) *kmsapi.KeyManagementClient { return w.grpc("user:" + iam.Owner) },
		"rest": (*world).rest,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			w := start(t, kms.Options{})
			c := client(w)
			k := w.signingKey(c)
			if k.GetName() != place+"/keyRings/cosign/cryptoKeys/cosign" || k.GetPrimary() != nil || k.GetDestroyScheduledDuration().GetSeconds() != 30*24*3600 {
				t.Fatalf("created %v", k)
			}
			it := c.ListCryptoKeyVersions(ctx, &kmspb.ListCryptoKeyVersionsRequest{Parent: k.GetName(), Filter: "state=ENABLED", OrderBy: "name desc"})
			v := must(it.Next())(t)
			if v.GetName() != k.GetName()+"/cryptoKeyVersions/1" || v.GetState() != kmspb.CryptoKeyVersion_ENABLED {
				t.Fatalf("listed %v", v)
			}
			public := must(c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: v.GetName()}))(t)
			if public.GetPemCrc32C().GetValue() != sum([]byte(public.GetPem())).GetValue() {
				t.Error("the public key's checksum is wrong")
			}
			block, _ := pem.Decode([]byte(public.GetPem()))
			key := must(x509.ParsePKIXPublicKey(block.Bytes))(t).(*ecdsa.PublicKey)
			digest := sha("hello")
			signed := must(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v.GetName(), Digest: digest256(digest), DigestCrc32C: sum(digest)}))(t)
			if !ecdsa.VerifyASN1(key, digest, signed.GetSignature()) {
				t.Error("the signature does not verify")
			}
			if !signed.GetVerifiedDigestCrc32C() || signed.GetSignatureCrc32C().GetValue() != sum(signed.GetSignature()).GetValue() || signed.GetName() != v.GetName() {
				t.Errorf("signed %v", signed)
			}
			signed = must(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v.GetName(), Data: []byte("hello"), DataCrc32C: sum([]byte("hello"))}))(t)
			if !ecdsa.VerifyASN1(key, digest, signed.GetSignature()) || !signed.GetVerifiedDataCrc32C() || signed.GetVerifiedDigestCrc32C() {
				t.Error("the signature of data does not verify")
			}
		})
	}
}

func TestSignRefusals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	owner, viewer := w.grpc("user:"+iam.Owner), w.grpc("user:"+iam.Viewer)
	k := w.signingKey(owner)
	version := k.GetName() + "/cryptoKeyVersions/1"
	digest := sha("hello")
	long := sha512.Sum512([]byte("hello"))
	for _, test := range []struct {
		name   string
		client *kmsapi.KeyManagementClient
		req    *kmspb.AsymmetricSignRequest
		code   codes.Code
		words  string
	}{
		{"viewer", viewer, &kmspb.AsymmetricSignRequest{Name: version, Digest: digest256(digest)}, codes.PermissionDenied,
			"Permission 'cloudkms.cryptoKeyVersions.useToSign' denied on resource '" + version + "' (or it may not exist)."},
		{"checksum", owner, &kmspb.AsymmetricSignRequest{Name: version, Digest: digest256(digest), DigestCrc32C: wrapperspb.Int64(1)}, codes.InvalidArgument,
			"The checksum in field digest_crc32c did not match the data in field digest."},
		{"short", owner, &kmspb.AsymmetricSignRequest{Name: version, Digest: digest256(digest[:20])}, codes.InvalidArgument, "20 bytes"},
		{"other hash", owner, &kmspb.AsymmetricSignRequest{Name: version, Digest: &kmspb.Digest{Digest: &kmspb.Digest_Sha512{Sha512: long[:]}}}, codes.InvalidArgument, "EC_SIGN_P256_SHA256"},
		{"nothing", owner, &kmspb.AsymmetricSignRequest{Name: version}, codes.InvalidArgument, "digest and data"},
		{"both", owner, &kmspb.AsymmetricSignRequest{Name: version, Digest: digest256(digest), Data: []byte("hello")}, codes.InvalidArgument, "digest and data"},
		{"no version", owner, &kmspb.AsymmetricSignRequest{Name: k.GetName() + "/cryptoKeyVersions/2", Digest: digest256(digest)}, codes.NotFound,
			"CryptoKeyVersion " + k.GetName() + "/cryptoKeyVersions/2 not found."},
		{"key for version", owner, &kmspb.AsymmetricSignRequest{Name: k.GetName(), Digest: digest256(digest)}, codes.InvalidArgument, k.GetName()},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.client.AsymmetricSign(ctx, test.req)
			if status.Code(err) != test.code || !strings.Contains(status.Convert(err).Message(), test.words) {
				t.Errorf("%v, want %s: %s", err, test.code, test.words)
			}
		})
	}
}
