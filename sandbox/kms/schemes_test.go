package kms

import (
	"crypto"
	"testing"

	"cloud.google.com/go/kms/apiv1/kmspb"
)

// TestSchemes reads every algorithm that the definition names: what the sandbox has must be
// what the name says, and the rest must be refused.
func TestSchemes(t *testing.T) {
	t.Parallel()
	have := 0
	for number, name := range kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm_name {
		c, ok := schemes(algorithm(number))
		if !ok {
			continue
		}
		have++
		if c.purpose == 0 || c.bits != 0 && (c.bits < 2048 || c.bits > 4096) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if have != 27 {
		t.Errorf("the sandbox has %d algorithms", have)
	}
	for a, want := range map[algorithm]scheme{
		kmspb.CryptoKeyVersion_RSA_SIGN_PKCS1_4096_SHA512:   {forSigning, rsaPKCS1, 4096, crypto.SHA512},
		kmspb.CryptoKeyVersion_RSA_SIGN_PSS_4096_SHA512:     {forSigning, rsaPSS, 4096, crypto.SHA512},
		kmspb.CryptoKeyVersion_RSA_DECRYPT_OAEP_3072_SHA1:   {forDecryption, rsaOAEP, 3072, crypto.SHA1},
		kmspb.CryptoKeyVersion_RSA_DECRYPT_OAEP_4096_SHA512: {forDecryption, rsaOAEP, 4096, crypto.SHA512},
	} {
		if got, _ := schemes(a); got != want {
			t.Errorf("%s: %+v, want %+v", a, got, want)
		}
	}
}
