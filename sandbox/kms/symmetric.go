package kms

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"hash/crc32"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// idLength makes what is encrypted begin as on Google Cloud: "CiQA" in base64.
const idLength = 35

// crc is the CRC32C that goes with data to and from Cloud KMS.
func crc(data []byte) *wrapperspb.Int64Value {
	return wrapperspb.Int64(int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))))
}

// verified says whether a checksum came with the field; a wrong one is an error.
func verified(field string, data []byte, sum *wrapperspb.Int64Value) (bool, error) {
	if sum == nil {
		return false, nil
	}
	if sum.GetValue() != crc(data).GetValue() {
		return false, invalid("The checksum in field %s_crc32c did not match the data in field %s.", field, field)
	}
	return true, nil
}

// Encrypt encrypts with a key's primary version, or with the version that is named.
func (s *Service) Encrypt(_ context.Context, req *kmspb.EncryptRequest) (*kmspb.EncryptResponse, error) {
	if n := len(req.GetPlaintext()); n > plaintextMax {
		return nil, invalid("The plaintext is %d bytes long, the maximum is %d.", n, plaintextMax)
	}
	if n := len(req.GetAdditionalAuthenticatedData()); n > plaintextMax {
		return nil, invalid("The additional authenticated data is %d bytes long, the maximum is %d.", n, plaintextMax)
	}
	n, v, err := s.encrypting(req.GetName())
	if err != nil {
		return nil, err
	}
	out := &kmspb.EncryptResponse{Name: n.String(), ProtectionLevel: v.Level}
	if out.VerifiedPlaintextCrc32C, err = verified("plaintext", req.GetPlaintext(), req.GetPlaintextCrc32C()); err != nil {
		return nil, err
	}
	if out.VerifiedAdditionalAuthenticatedDataCrc32C, err = verified("additional_authenticated_data", req.GetAdditionalAuthenticatedData(), req.GetAdditionalAuthenticatedDataCrc32C()); err != nil {
		return nil, err
	}
	aead := v.use.(cipher.AEAD)
	nonce := random(aead.NonceSize())
	out.Ciphertext = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), append([]byte{0}, v.ID...))
	out.Ciphertext = protowire.AppendTag(out.Ciphertext, 2, protowire.BytesType)
	out.Ciphertext = protowire.AppendBytes(out.Ciphertext, aead.Seal(nonce, nonce, req.GetPlaintext(), req.GetAdditionalAuthenticatedData()))
	out.CiphertextCrc32C = crc(out.Ciphertext)
	return out, nil
}

// encrypting is the version that encrypts for a key, or the one that is named.
func (s *Service) encrypting(text string) (name, version, error) {
	n, err := s.parse(text, 4)
	whole := err != nil
	if whole {
		if n, err = s.parse(text, 5); err != nil {
			return n, version{}, err
		}
	}
	var out version
	err = s.read(func() error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		if k.Purpose != forEncryption {
			return wrongPurpose(n, k.Purpose)
		}
		if !whole {
			if n.version = k.Primary; n.version == 0 {
				return precondition("CryptoKey "+n.String()+" has no primary version.", "crypto_key.primary", n)
			}
		}
		_, v, err := s.findVersion(n)
		if err != nil {
			return err
		}
		if v.State != enabled {
			return notEnabled(n, v.State)
		}
		out = version{Number: v.Number, Level: v.Level, ID: v.ID, use: v.use}
		return nil
	})
	return n, out, err
}

// Decrypt decrypts with the version that encrypted.
func (s *Service) Decrypt(_ context.Context, req *kmspb.DecryptRequest) (*kmspb.DecryptResponse, error) {
	n, err := s.parse(req.GetName(), 4)
	if err != nil {
		return nil, err
	}
	if _, err := verified("ciphertext", req.GetCiphertext(), req.GetCiphertextCrc32C()); err != nil {
		return nil, err
	}
	if _, err := verified("additional_authenticated_data", req.GetAdditionalAuthenticatedData(), req.GetAdditionalAuthenticatedDataCrc32C()); err != nil {
		return nil, err
	}
	id, sealed, ok := unpack(req.GetCiphertext())
	var v version
	out := &kmspb.DecryptResponse{}
	err = s.read(func() error {
		k, err := s.findKey(n)
		if err != nil {
			return err
		}
		if k.Purpose != forEncryption {
			return wrongPurpose(n, k.Purpose)
		}
		if !ok {
			return invalid("Decryption failed: the ciphertext is invalid.")
		}
		for _, have := range k.Versions {
			if bytes.Equal(have.ID, id) {
				if n.version = have.Number; have.State != enabled {
					return notEnabled(n, have.State)
				}
				v = version{Level: have.Level, use: have.use}
				out.UsedPrimary = have.Number == k.Primary
				return nil
			}
		}
		return invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
	})
	if err != nil {
		return nil, err
	}
	aead := v.use.(cipher.AEAD)
	if len(sealed) < aead.NonceSize() {
		return nil, invalid("Decryption failed: the ciphertext is invalid.")
	}
	nonce := sealed[:aead.NonceSize()]
	if out.Plaintext, err = aead.Open(nil, nonce, sealed[len(nonce):], req.GetAdditionalAuthenticatedData()); err != nil {
		return nil, invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
	}
	out.PlaintextCrc32C, out.ProtectionLevel = crc(out.Plaintext), v.Level
	return out, nil
}

// unpack takes apart what Encrypt has made: the version's id and what it sealed.
func unpack(blob []byte) (id, sealed []byte, ok bool) {
	for _, field := range []struct {
		number protowire.Number
		to     *[]byte
	}{{1, &id}, {2, &sealed}} {
		number, kind, n := protowire.ConsumeTag(blob)
		if n < 0 || number != field.number || kind != protowire.BytesType {
			return nil, nil, false
		}
		data, m := protowire.ConsumeBytes(blob[n:])
		if m < 0 {
			return nil, nil, false
		}
		*field.to, blob = data, blob[n+m:]
	}
	if len(id) != idLength+1 || id[0] != 0 || len(blob) > 0 {
		return nil, nil, false
	}
	return id[1:], sealed, true
}

// MacSign makes a tag that only who has the key can make.
func (s *Service) MacSign(_ context.Context, req *kmspb.MacSignRequest) (*kmspb.MacSignResponse, error) {
	n, c, v, err := s.using(req.GetName(), forMAC)
	if err != nil {
		return nil, err
	}
	ok, err := authenticated(req.GetData(), req.GetDataCrc32C())
	if err != nil {
		return nil, err
	}
	tag := c.tag(v.use.([]byte), req.GetData())
	return &kmspb.MacSignResponse{Name: n.String(), Mac: tag, MacCrc32C: crc(tag), VerifiedDataCrc32C: ok, ProtectionLevel: v.Level}, nil
}

// MacVerify says whether a tag is right.
func (s *Service) MacVerify(_ context.Context, req *kmspb.MacVerifyRequest) (*kmspb.MacVerifyResponse, error) {
	n, c, v, err := s.using(req.GetName(), forMAC)
	if err != nil {
		return nil, err
	}
	out := &kmspb.MacVerifyResponse{Name: n.String(), ProtectionLevel: v.Level}
	if out.VerifiedDataCrc32C, err = authenticated(req.GetData(), req.GetDataCrc32C()); err != nil {
		return nil, err
	}
	if out.VerifiedMacCrc32C, err = verified("mac", req.GetMac(), req.GetMacCrc32C()); err != nil {
		return nil, err
	}
	out.Success = hmac.Equal(c.tag(v.use.([]byte), req.GetData()), req.GetMac())
	out.VerifiedSuccessIntegrity = out.Success
	return out, nil
}

func authenticated(data []byte, sum *wrapperspb.Int64Value) (bool, error) {
	if len(data) > plaintextMax {
		return false, invalid("The data is %d bytes long, the maximum is %d.", len(data), plaintextMax)
	}
	return verified("data", data, sum)
}

func (c scheme) tag(key, data []byte) []byte {
	h := hmac.New(c.hash.New, key)
	_, _ = h.Write(data)
	return h.Sum(nil)
}

// GenerateRandomBytes gives out randomness.
func (s *Service) GenerateRandomBytes(_ context.Context, req *kmspb.GenerateRandomBytesRequest) (*kmspb.GenerateRandomBytesResponse, error) {
	if _, err := s.parse(req.GetLocation(), 2); err != nil {
		return nil, err
	}
	if n := req.GetLengthBytes(); n < randomMin || n > randomMax {
		return nil, invalid("length_bytes must be between %d and %d.", randomMin, randomMax)
	}
	if req.GetProtectionLevel() != kmspb.ProtectionLevel_HSM {
		return nil, invalid("protection_level must be HSM.")
	}
	data := random(int(req.GetLengthBytes()))
	return &kmspb.GenerateRandomBytesResponse{Data: data, DataCrc32C: crc(data)}, nil
}
