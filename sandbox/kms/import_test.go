package kms_test

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

// A key that was made elsewhere, and wrapped for an import job, signs here; what is
// no such key makes a version that failed; and a job is for three days.
func TestImport(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), start(t, kms.Options{Dir: t.TempDir()})
	c := w.grpc("user:" + iam.Owner)
	k := w.importKey(c)
	ring := strings.Split(k.GetName(), "/cryptoKeys/")[0]
	_, err := c.GetImportJob(ctx, &kmspb.GetImportJobRequest{Name: ring + "/importJobs/none"})
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "ImportJob "+ring+"/importJobs/none not found." {
		t.Errorf("no such job: %v", err)
	}
	job := must(c.CreateImportJob(ctx, &kmspb.CreateImportJobRequest{Parent: ring, ImportJobId: "j", ImportJob: &kmspb.ImportJob{
		ImportMethod: kmspb.ImportJob_RSA_OAEP_3072_SHA256_AES_256, ProtectionLevel: kmspb.ProtectionLevel_SOFTWARE}}))(t)
	if job.GetState() != kmspb.ImportJob_PENDING_GENERATION || job.GetPublicKey() != nil {
		t.Errorf("a new job: %v", job)
	}
	if _, err := c.CreateImportJob(ctx, &kmspb.CreateImportJobRequest{Parent: ring, ImportJobId: "j", ImportJob: job}); status.Code(err) != codes.AlreadyExists {
		t.Errorf("the same once more: %v", err)
	}
	if job = must(c.GetImportJob(ctx, &kmspb.GetImportJobRequest{Name: job.GetName()}))(t); job.GetState() != kmspb.ImportJob_ACTIVE || job.GetPublicKey() == nil {
		t.Errorf("looked up: %v", job)
	}
	if listed := must(c.ListImportJobs(ctx, &kmspb.ListImportJobsRequest{Parent: ring}).Next())(t); listed.GetPublicKey().GetPem() != job.GetPublicKey().GetPem() {
		t.Errorf("listed %v, got %v", listed, job)
	}
	mine := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	bring := func(material []byte) *kmspb.CryptoKeyVersion {
		t.Helper()
		v := must(c.ImportCryptoKeyVersion(ctx, &kmspb.ImportCryptoKeyVersionRequest{Parent: k.GetName(), ImportJob: job.GetName(),
			Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256, WrappedKey: material}))(t)
		return must(c.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: v.GetName()}))(t)
	}
	v := bring(wrap(t, job, must(x509.MarshalPKCS8PrivateKey(mine))(t)))
	if v.GetState() != kmspb.CryptoKeyVersion_ENABLED || v.GetImportJob() != job.GetName() || v.GetImportTime() == nil {
		t.Fatalf("imported %v", v)
	}
	digest := sha("hello")
	signed := must(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v.GetName(), Digest: digest256(digest)}))(t)
	if !ecdsa.VerifyASN1(&mine.PublicKey, digest, signed.GetSignature()) {
		t.Error("the signature is not the imported key's")
	}
	other := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(t)
	for words, material := range map[string][]byte{
		"cannot be unwrapped": []byte("nothing"),
		"no PKCS #8":          wrap(t, job, []byte("no key")),
		"another algorithm":   wrap(t, job, must(x509.MarshalPKCS8PrivateKey(other))(t)),
	} {
		if v := bring(material); v.GetState() != kmspb.CryptoKeyVersion_IMPORT_FAILED || !strings.Contains(v.GetImportFailureReason(), words) {
			t.Errorf("%s: %v", words, v)
		}
	}
	w.sleep(72 * time.Hour)
	if job = must(c.GetImportJob(ctx, &kmspb.GetImportJobRequest{Name: job.GetName()}))(t); job.GetState() != kmspb.ImportJob_EXPIRED || job.GetPublicKey() != nil || job.GetExpireEventTime() == nil {
		t.Errorf("after three days: %v", job)
	}
	_, err = c.ImportCryptoKeyVersion(ctx, &kmspb.ImportCryptoKeyVersionRequest{Parent: k.GetName(), ImportJob: job.GetName(), Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256, WrappedKey: []byte("x")})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "EXPIRED") {
		t.Errorf("after three days: %v", err)
	}
}

func (w *world) importKey(c *kmsapi.KeyManagementClient) *kmspb.CryptoKey {
	w.t.Helper()
	ring := must(c.CreateKeyRing(context.Background(), &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "imported"}))(w.t)
	return must(c.CreateCryptoKey(context.Background(), &kmspb.CreateCryptoKeyRequest{Parent: ring.GetName(), CryptoKeyId: "k", SkipInitialVersionCreation: true, CryptoKey: &kmspb.CryptoKey{
		Purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, ImportOnly: true,
		VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}}))(w.t)
}

// wrap is what gcloud does: a new AES key wraps the material (RFC 5649), the job's key that.
func wrap(t *testing.T, job *kmspb.ImportJob, material []byte) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(job.GetPublicKey().GetPem()))
	public := must(x509.ParsePKIXPublicKey(block.Bytes))(t).(*rsa.PublicKey)
	inner := make([]byte, 32)
	_, _ = rand.Read(inner) // never fails
	head := must(rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, public, inner, nil))(t)
	cipher := must(aes.NewCipher(inner))(t)
	a := binary.BigEndian.AppendUint32([]byte{0xA6, 0x59, 0x59, 0xA6}, uint32(len(material)))
	r := append(material[:len(material):len(material)], make([]byte, (8-len(material)%8)%8)...)
	if len(r) == 8 {
		out := make([]byte, 16)
		cipher.Encrypt(out, append(a, r...))
		return append(head, out...)
	}
	n, buf := len(r)/8, make([]byte, 16)
	for i := range 6 * n {
		part := r[8*(i%n):][:8]
		copy(buf, a)
		copy(buf[8:], part)
		cipher.Encrypt(buf, buf)
		binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(buf)^uint64(i+1))
		copy(part, buf[8:])
	}
	return append(append(head, a...), r...)
}
