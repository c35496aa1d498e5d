package kms

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // hashes are found by their number
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"fmt"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
)

type purpose = kmspb.CryptoKey_CryptoKeyPurpose

const (
	forEncryption = kmspb.CryptoKey_ENCRYPT_DECRYPT
	forSigning    = kmspb.CryptoKey_ASYMMETRIC_SIGN
	forDecryption = kmspb.CryptoKey_ASYMMETRIC_DECRYPT
	forMAC        = kmspb.CryptoKey_MAC
)

// family is a way to make keys and to use them.
type family int

const (
	symmetric family = iota
	ecdsaP256
	ecdsaP384
	ed25519Key
	rsaPKCS1
	rsaPSS
	rsaRaw
	rsaOAEP
	hmacKey
)

// scheme is what an algorithm does.
type scheme struct {
	purpose purpose
	family  family
	bits    int         // of RSA keys
	hash    crypto.Hash // 0 for none
}

// schemes are the algorithms that the sandbox has.
func schemes(a algorithm) (scheme, bool) {
	switch a {
	case kmspb.CryptoKeyVersion_GOOGLE_SYMMETRIC_ENCRYPTION:
		return scheme{purpose: forEncryption, family: symmetric}, true
	case kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256:
		return scheme{forSigning, ecdsaP256, 0, crypto.SHA256}, true
	case kmspb.CryptoKeyVersion_EC_SIGN_P384_SHA384:
		return scheme{forSigning, ecdsaP384, 0, crypto.SHA384}, true
	case kmspb.CryptoKeyVersion_EC_SIGN_ED25519:
		return scheme{forSigning, ed25519Key, 0, 0}, true
	case kmspb.CryptoKeyVersion_HMAC_SHA1:
		return scheme{forMAC, hmacKey, 0, crypto.SHA1}, true
	case kmspb.CryptoKeyVersion_HMAC_SHA224:
		return scheme{forMAC, hmacKey, 0, crypto.SHA224}, true
	case kmspb.CryptoKeyVersion_HMAC_SHA256:
		return scheme{forMAC, hmacKey, 0, crypto.SHA256}, true
	case kmspb.CryptoKeyVersion_HMAC_SHA384:
		return scheme{forMAC, hmacKey, 0, crypto.SHA384}, true
	case kmspb.CryptoKeyVersion_HMAC_SHA512:
		return scheme{forMAC, hmacKey, 0, crypto.SHA512}, true
	}
	return rsaScheme(a)
}

// rsaScheme reads an RSA algorithm's name: RSA_SIGN_PSS_3072_SHA256.
func rsaScheme(a algorithm) (scheme, bool) {
	var bits, sum int
	for _, of := range []struct {
		format  string
		purpose purpose
		family  family
	}{
		{"RSA_SIGN_PKCS1_%d_SHA%d", forSigning, rsaPKCS1},
		{"RSA_SIGN_PSS_%d_SHA%d", forSigning, rsaPSS},
		{"RSA_DECRYPT_OAEP_%d_SHA%d", forDecryption, rsaOAEP},
	} {
		if n, _ := fmt.Sscanf(a.String(), of.format, &bits, &sum); n == 2 {
			hash := map[int]crypto.Hash{1: crypto.SHA1, 256: crypto.SHA256, 512: crypto.SHA512}[sum]
			return scheme{of.purpose, of.family, bits, hash}, true
		}
	}
	if n, _ := fmt.Sscanf(a.String(), "RSA_SIGN_RAW_PKCS1_%d", &bits); n == 1 {
		return scheme{forSigning, rsaRaw, bits, 0}, true
	}
	return scheme{}, false
}

// quick says whether a key is made in no time worth waiting for.
func (c scheme) quick() bool { return c.bits == 0 }

// generate makes key material: PKCS #8 for a private key, else the key's bytes.
func (c scheme) generate() ([]byte, error) {
	var private any
	var err error
	switch c.family {
	case ecdsaP256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ecdsaP384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ed25519Key:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case rsaPKCS1, rsaPSS, rsaRaw, rsaOAEP:
		private, err = rsa.GenerateKey(rand.Reader, c.bits)
	case hmacKey:
		return random(c.hash.Size()), nil
	default:
		return random(32), nil
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(private)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// open reads a version's key material.
func (v *version) open() (any, error) {
	c, ok := schemes(v.Algorithm)
	if !ok {
		return nil, fmt.Errorf("version %d has the unknown algorithm %d", v.Number, v.Algorithm)
	}
	switch c.family {
	case symmetric:
		block, err := aes.NewCipher(v.Material)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCM(block)
	case hmacKey:
		return v.Material, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(v.Material)
	if err != nil {
		return nil, fmt.Errorf("version %d has no private key: %w", v.Number, err)
	}
	return key, nil
}

// add gives a key its next version and has its material made: at once where that
// is quick, else meanwhile. The caller holds the lock.
func (s *Service) add(k *key, now time.Time) *version {
	c, _ := schemes(k.Algorithm)
	k.Numbered++
	v := &version{Number: k.Numbered, State: pending, Algorithm: k.Algorithm, Level: k.Level, Created: now, Ready: now, ID: random(idLength)}
	if c.family != symmetric {
		v.Ready = now.Add(max(s.latency.Generate, s.pending))
	}
	k.Versions = append(k.Versions, v)
	if !c.quick() {
		s.generate(v)
		return v
	}
	v.fill(c.generate())
	v.settle(now)
	return v
}

// fill gives a version its key material, or the reason why it has none.
func (v *version) fill(material []byte, err error) {
	v.Material = material
	if err == nil {
		v.use, err = v.open()
	}
	if err != nil {
		v.State, v.Failure, v.Material = failed, err.Error(), nil
	}
}

// generate makes a version's key material without anybody waiting.
func (s *Service) generate(v *version) {
	c, ok := schemes(v.Algorithm)
	if !ok || s.closed {
		return
	}
	s.working.Go(func() {
		material, err := c.generate()
		_ = s.change(func(now time.Time) error { // what cannot be saved is made again
			v.fill(material, err)
			v.settle(now)
			return nil
		})
	})
}
