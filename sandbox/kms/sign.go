package kms

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"

	"cloud.google.com/go/kms/apiv1/kmspb"
)

// using looks up a version that is to be used for a purpose, and what it does. The
// key material that it gives is not changed by anyone, so it is used without the lock.
func (s *Service) using(text string, purposes ...purpose) (n name, c scheme, v version, err error) {
	if n, err = s.parse(text, 5); err != nil {
		return n, c, v, err
	}
	err = s.read(func() error {
		k, found, err := s.findVersion(n)
		if err != nil {
			return err
		}
		if !slices.Contains(purposes, k.Purpose) {
			return wrongPurpose(n, k.Purpose)
		}
		if found.State != enabled {
			return notEnabled(n, found.State)
		}
		c, _ = schemes(found.Algorithm)
		v = version{Algorithm: found.Algorithm, Level: found.Level, use: found.use}
		return nil
	})
	return n, c, v, err
}

// GetPublicKey gives out the public half of a key pair.
func (s *Service) GetPublicKey(_ context.Context, req *kmspb.GetPublicKeyRequest) (*kmspb.PublicKey, error) {
	n, _, v, err := s.using(req.GetName(), forSigning, forDecryption)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(v.use.(crypto.Signer).Public())
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	out := &kmspb.PublicKey{Name: n.String(), Algorithm: v.Algorithm, ProtectionLevel: v.Level, PublicKeyFormat: req.GetPublicKeyFormat()}
	switch req.GetPublicKeyFormat() {
	case kmspb.PublicKey_PUBLIC_KEY_FORMAT_UNSPECIFIED:
		out.Pem, out.PemCrc32C = string(text), crc(text)
	case kmspb.PublicKey_PEM:
		out.Pem, out.PemCrc32C = string(text), crc(text)
		out.PublicKey = &kmspb.ChecksummedData{Data: text, Crc32CChecksum: crc(text)}
	case kmspb.PublicKey_DER:
		out.PublicKey = &kmspb.ChecksummedData{Data: der, Crc32CChecksum: crc(der)}
	default:
		return nil, invalid("Public key format %s is not supported for algorithm %s.", req.GetPublicKeyFormat(), v.Algorithm)
	}
	return out, nil
}

// AsymmetricSign signs a digest, or data.
func (s *Service) AsymmetricSign(_ context.Context, req *kmspb.AsymmetricSignRequest) (*kmspb.AsymmetricSignResponse, error) {
	n, c, v, err := s.using(req.GetName(), forSigning)
	if err != nil {
		return nil, err
	}
	out := &kmspb.AsymmetricSignResponse{Name: n.String(), ProtectionLevel: v.Level}
	message, err := signed(req, c, v.Algorithm, out)
	if err != nil {
		return nil, err
	}
	if out.Signature, err = sign(v.use.(crypto.Signer), c, message); err != nil {
		return nil, invalid("The data cannot be signed with %s: %v.", v.Algorithm, err)
	}
	out.SignatureCrc32C = crc(out.Signature)
	return out, nil
}

// signed is what a request asks to be signed: a digest of the algorithm's kind, or
// data, which is hashed here. It notes which checksums held.
func signed(req *kmspb.AsymmetricSignRequest, c scheme, a algorithm, out *kmspb.AsymmetricSignResponse) ([]byte, error) {
	kind, digest := digestOf(req.GetDigest())
	var err error
	if out.VerifiedDigestCrc32C, err = verified("digest", digest, req.GetDigestCrc32C()); err != nil {
		return nil, err
	}
	if out.VerifiedDataCrc32C, err = verified("data", req.GetData(), req.GetDataCrc32C()); err != nil {
		return nil, err
	}
	switch {
	case req.GetDigest() != nil && len(req.GetData()) > 0:
		return nil, invalid("Only one of digest and data may be specified.")
	case len(req.GetData()) > plaintextMax:
		return nil, invalid("The data is %d bytes long, the maximum is %d.", len(req.GetData()), plaintextMax)
	case req.GetDigest() == nil && c.hash == 0:
		return req.GetData(), nil
	case req.GetDigest() == nil && len(req.GetData()) == 0:
		return nil, invalid("One of digest and data must be specified.")
	case req.GetDigest() == nil:
		h := c.hash.New()
		_, _ = h.Write(req.GetData())
		return h.Sum(nil), nil
	case c.hash == 0:
		return nil, invalid("Algorithm %s signs data, not a digest.", a)
	case kind != c.hash:
		return nil, invalid("The digest in the request is of another kind than algorithm %s signs.", a)
	case len(digest) != c.hash.Size():
		return nil, invalid("The digest in the request is %d bytes long, algorithm %s signs %d.", len(digest), a, c.hash.Size())
	}
	return digest, nil
}

func digestOf(d *kmspb.Digest) (crypto.Hash, []byte) {
	switch d := d.GetDigest().(type) {
	case *kmspb.Digest_Sha256:
		return crypto.SHA256, d.Sha256
	case *kmspb.Digest_Sha384:
		return crypto.SHA384, d.Sha384
	case *kmspb.Digest_Sha512:
		return crypto.SHA512, d.Sha512
	}
	return 0, nil
}

func sign(key crypto.Signer, c scheme, message []byte) ([]byte, error) {
	switch c.family {
	case rsaPSS:
		return key.Sign(rand.Reader, message, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: c.hash})
	default: // ECDSA, Ed25519 and PKCS #1, whose raw kind has no hash
		return key.Sign(rand.Reader, message, c.hash)
	}
}

// AsymmetricDecrypt decrypts what was encrypted with a public key.
func (s *Service) AsymmetricDecrypt(_ context.Context, req *kmspb.AsymmetricDecryptRequest) (*kmspb.AsymmetricDecryptResponse, error) {
	_, c, v, err := s.using(req.GetName(), forDecryption)
	if err != nil {
		return nil, err
	}
	ok, err := verified("ciphertext", req.GetCiphertext(), req.GetCiphertextCrc32C())
	if err != nil {
		return nil, err
	}
	plaintext, err := rsa.DecryptOAEP(c.hash.New(), nil, v.use.(*rsa.PrivateKey), req.GetCiphertext(), nil)
	if err != nil {
		return nil, invalid("Decryption failed.")
	}
	return &kmspb.AsymmetricDecryptResponse{Plaintext: plaintext, PlaintextCrc32C: crc(plaintext), VerifiedCiphertextCrc32C: ok, ProtectionLevel: v.Level}, nil
}
