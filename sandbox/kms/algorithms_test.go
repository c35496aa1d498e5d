package kms_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"testing"

	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

// made is a version that was made with an algorithm, once it is enabled.
func (w *world) made(t testing.TB, c *kmsapi.KeyManagementClient, id string, purpose kmspb.CryptoKey_CryptoKeyPurpose, a kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm) string {
	t.Helper()
	ctx := context.Background()
	k := must(c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: place + "/keyRings/all", CryptoKeyId: id,
		CryptoKey: &kmspb.CryptoKey{Purpose: purpose, VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: a}}}))(t)
	v := k.GetName() + "/cryptoKeyVersions/1"
	w.service.Idle()
	if got := must(c.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: v}))(t); got.GetState() != enabled {
		t.Fatalf("the version became %s: %s", got.GetState(), got.GetGenerationFailureReason())
	}
	return v
}

func publicKey(t testing.TB, c *kmsapi.KeyManagementClient, version string) any {
	t.Helper()
	ctx := context.Background()
	text := must(c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: version}))(t)
	block, _ := pem.Decode([]byte(text.GetPem()))
	der := must(c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: version, PublicKeyFormat: kmspb.PublicKey_DER}))(t).GetPublicKey()
	if string(der.GetData()) != string(block.Bytes) || der.GetCrc32CChecksum().GetValue() != sum(block.Bytes).GetValue() {
		t.Error("DER and PEM differ")
	}
	return must(x509.ParsePKIXPublicKey(block.Bytes))(t)
}

// TestAlgorithms checks each signature with Go's own implementation of its algorithm.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.grpc("user:" + iam.Owner)
	must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "all"}))(t)
	data := []byte("an image")
	d256, d384 := sha256.Sum256(data), sha512.Sum384(data)
	for _, test := range []struct {
		id     string
		a      kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm
		digest *kmspb.Digest
		right  func(public any, signature []byte) bool
	}{
		{"p384", kmspb.CryptoKeyVersion_EC_SIGN_P384_SHA384, &kmspb.Digest{Digest: &kmspb.Digest_Sha384{Sha384: d384[:]}},
			func(k any, s []byte) bool { return ecdsa.VerifyASN1(k.(*ecdsa.PublicKey), d384[:], s) }},
		{"pss", kmspb.CryptoKeyVersion_RSA_SIGN_PSS_2048_SHA256, digest256(d256[:]),
			func(k any, s []byte) bool {
				return rsa.VerifyPSS(k.(*rsa.PublicKey), crypto.SHA256, d256[:], s, &rsa.PSSOptions{SaltLength: 32}) == nil
			}},
		{"pkcs1", kmspb.CryptoKeyVersion_RSA_SIGN_PKCS1_2048_SHA256, digest256(d256[:]),
			func(k any, s []byte) bool {
				return rsa.VerifyPKCS1v15(k.(*rsa.PublicKey), crypto.SHA256, d256[:], s) == nil
			}},
		{"longer", kmspb.CryptoKeyVersion_RSA_SIGN_PSS_3072_SHA256, digest256(d256[:]),
			func(k any, s []byte) bool {
				return k.(*rsa.PublicKey).N.BitLen() == 3072 && rsa.VerifyPSS(k.(*rsa.PublicKey), crypto.SHA256, d256[:], s, nil) == nil
			}},
		{"raw", kmspb.CryptoKeyVersion_RSA_SIGN_RAW_PKCS1_2048, nil,
			func(k any, s []byte) bool { return rsa.VerifyPKCS1v15(k.(*rsa.PublicKey), 0, data, s) == nil }},
		{"ed25519", kmspb.CryptoKeyVersion_EC_SIGN_ED25519, nil,
			func(k any, s []byte) bool { return ed25519.Verify(k.(ed25519.PublicKey), data, s) }},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			v := w.made(t, c, test.id, kmspb.CryptoKey_ASYMMETRIC_SIGN, test.a)
			public := publicKey(t, c, v)
			signed := must(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v, Data: data}))(t)
			if !test.right(public, signed.GetSignature()) {
				t.Error("the signature of the data is wrong")
			}
			if test.digest == nil {
				_, err := c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v, Digest: digest256(d256[:])})
				refused(t, err, codes.InvalidArgument, "not a digest")
				return
			}
			signed = must(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v, Digest: test.digest}))(t)
			if !test.right(public, signed.GetSignature()) {
				t.Error("the signature of the digest is wrong")
			}
		})
	}
}

func TestDecryptAndMAC(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.rest()
	must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "all"}))(t)
	v := w.made(t, c, "oaep", kmspb.CryptoKey_ASYMMETRIC_DECRYPT, kmspb.CryptoKeyVersion_RSA_DECRYPT_OAEP_2048_SHA256)
	sealed := must(rsa.EncryptOAEP(sha256.New(), rand.Reader, publicKey(t, c, v).(*rsa.PublicKey), []byte("secret"), nil))(t)
	opened := must(c.AsymmetricDecrypt(ctx, &kmspb.AsymmetricDecryptRequest{Name: v, Ciphertext: sealed, CiphertextCrc32C: sum(sealed)}))(t)
	if string(opened.GetPlaintext()) != "secret" || !opened.GetVerifiedCiphertextCrc32C() {
		t.Errorf("decrypted %v", opened)
	}
	sealed[0] ^= 1
	_, err := c.AsymmetricDecrypt(ctx, &kmspb.AsymmetricDecryptRequest{Name: v, Ciphertext: sealed})
	refused(t, err, codes.InvalidArgument, "Decryption failed.")

	v = w.made(t, c, "mac", kmspb.CryptoKey_MAC, kmspb.CryptoKeyVersion_HMAC_SHA256)
	tag := must(c.MacSign(ctx, &kmspb.MacSignRequest{Name: v, Data: []byte("data")}))(t).GetMac()
	if len(tag) != sha256.Size {
		t.Errorf("the tag has %d bytes", len(tag))
	}
	for data, want := range map[string]bool{"data": true, "other": false} {
		got := must(c.MacVerify(ctx, &kmspb.MacVerifyRequest{Name: v, Data: []byte(data), Mac: tag, MacCrc32C: sum(tag)}))(t)
		if got.GetSuccess() != want || !got.GetVerifiedMacCrc32C() {
			t.Errorf("%s: %v", data, got)
		}
	}
	_, err = c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: v})
	refused(t, err, codes.FailedPrecondition, "has incorrect key purpose: MAC")
}
