package kms

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signgate/signgate/sandbox/iam"
)

// ImportCryptoKeyVersion gives a key a version whose material its owner made elsewhere and
// wrapped for an import job. What cannot be unwrapped, or is no key of the algorithm,
// makes a version that failed, as on Google Cloud. Importing a destroyed version once
// more is no part of the sandbox.
func (s *Service) ImportCryptoKeyVersion(ctx context.Context, req *kmspb.ImportCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	n, err := s.parse(req.GetParent(), 4)
	if err != nil {
		return nil, err
	}
	if req.GetCryptoKeyVersion() != "" {
		return nil, unserved("Importing a version again is")
	}
	by, err := s.parseJob(req.GetImportJob())
	if err != nil {
		return nil, err
	}
	if !s.iam.Holds(iam.FromContext(ctx), "cloudkms.importJobs.useToImport", by.String()) {
		return nil, iam.PermissionDenied("cloudkms.importJobs.useToImport", by.String())
	}
	wrapped := req.GetWrappedKey()
	if len(wrapped) == 0 {
		wrapped = req.GetRsaAesWrappedKey()
	}
	var out *kmspb.CryptoKeyVersion
	err = s.change(func(now time.Time) error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		j, err := s.findJob(by)
		if err != nil {
			return err
		}
		c, ok := schemes(req.GetAlgorithm())
		switch {
		case !ok || c.purpose != k.Purpose:
			return invalid("Algorithm %s is not valid for purpose %s.", req.GetAlgorithm(), k.Purpose)
		case j.state(now) != kmspb.ImportJob_ACTIVE:
			return precondition(fmt.Sprintf("The request cannot be fulfilled. Resource %s has value %s in field import_job.state.", by, j.state(now)), "import_job.state", n)
		case j.Level != k.Level:
			return invalid("The protection level of ImportJob %s is %s, that of CryptoKey %s is %s.", by, j.Level, n, k.Level)
		}
		out = k.imported(by.String(), req.GetAlgorithm(), now, j, wrapped).proto(n)
		if out.GetState() == enabled {
			out.State = kmspb.CryptoKeyVersion_PENDING_IMPORT // as it is answered; it is looked up enabled
		}
		return nil
	})
	return out, err
}

// imported adds a version with the material that was wrapped, or with the reason why it has none.
func (k *key) imported(by string, a algorithm, now time.Time, j *importJob, wrapped []byte) *version {
	k.Numbered++
	v := &version{Number: k.Numbered, State: enabled, Algorithm: a, Level: k.Level, Created: now, Ready: now, Job: by, ID: random(idLength)}
	k.Versions = append(k.Versions, v)
	c, _ := schemes(a)
	material, err := j.unwrap(wrapped)
	if err == nil {
		v.Material, err = c.accept(material)
	}
	if err == nil {
		v.use, err = v.open()
	}
	if err != nil {
		v.State, v.Failure, v.Material = kmspb.CryptoKeyVersion_IMPORT_FAILED, err.Error(), nil
		return v
	}
	v.Imported = now
	return v
}

// imports adds to a version what its import says of it.
func (v *version) imports(out *kmspb.CryptoKeyVersion) {
	out.ImportJob = v.Job
	if v.State == kmspb.CryptoKeyVersion_IMPORT_FAILED {
		out.ImportFailureReason, out.GenerationFailureReason = v.Failure, ""
	}
	if !v.Imported.IsZero() {
		out.ImportTime = timestamppb.New(v.Imported)
	}
}

var errWrapped = errors.New("the wrapped key cannot be unwrapped with the key of the import job")

// unwrap takes what was wrapped out of it.
func (j *importJob) unwrap(wrapped []byte) ([]byte, error) {
	w, _ := wrappings(j.Method)
	key, err := j.key()
	if err != nil {
		return nil, err
	}
	head := min(len(wrapped), key.Size())
	if !w.aes {
		head = len(wrapped)
	}
	inner, err := rsa.DecryptOAEP(w.hash.New(), rand.Reader, key, wrapped[:head], nil)
	if err != nil {
		return nil, errWrapped
	}
	if !w.aes {
		return inner, nil
	}
	return unwrapAES(inner, wrapped[head:])
}

// accept reads material as a key of the scheme, in the form in which it is kept.
func (c scheme) accept(material []byte) ([]byte, error) {
	switch c.family {
	case symmetric:
		if len(material) != 32 {
			return nil, fmt.Errorf("a key for encryption has 32 bytes, not %d", len(material))
		}
		return material, nil
	case hmacKey:
		if len(material) < 16 {
			return nil, fmt.Errorf("a key for HMAC has at least 16 bytes, not %d", len(material))
		}
		return material, nil
	}
	private, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		return nil, errors.New("the key material is no PKCS #8 private key in DER")
	}
	fits := false
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		fits = c.family == ecdsaP256 && key.Curve.Params().BitSize == 256 || c.family == ecdsaP384 && key.Curve.Params().BitSize == 384
	case ed25519.PrivateKey:
		fits = c.family == ed25519Key
	case *rsa.PrivateKey:
		fits = c.bits != 0 && key.N.BitLen() == c.bits
	}
	if !fits {
		return nil, errors.New("the key material is a key of another algorithm")
	}
	return material, nil
}

// unwrapAES is AES key unwrap with padding (RFC 5649).
func unwrapAES(key, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil || len(wrapped) < 16 || len(wrapped)%8 != 0 {
		return nil, errWrapped
	}
	a, r := bytes.Clone(wrapped[:8]), bytes.Clone(wrapped[8:])
	buf := make([]byte, 16)
	if n := len(r) / 8; n == 1 {
		block.Decrypt(buf, wrapped)
		a, r = buf[:8], buf[8:]
	} else {
		for t := 6 * n; t > 0; t-- {
			part := r[8*((t-1)%n):][:8]
			binary.BigEndian.PutUint64(buf, binary.BigEndian.Uint64(a)^uint64(t))
			copy(buf[8:], part)
			block.Decrypt(buf, buf)
			copy(a, buf[:8])
			copy(part, buf[8:])
		}
	}
	size := int(binary.BigEndian.Uint32(a[4:8]))
	if binary.BigEndian.Uint32(a) != 0xA65959A6 || size > len(r) || size <= len(r)-8 || bytes.Count(r[size:], []byte{0}) != len(r)-size {
		return nil, errWrapped
	}
	return r[:size], nil
}
