package kms_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

const (
	pending   = kmspb.CryptoKeyVersion_PENDING_GENERATION
	enabled   = kmspb.CryptoKeyVersion_ENABLED
	disabled  = kmspb.CryptoKeyVersion_DISABLED
	scheduled = kmspb.CryptoKeyVersion_DESTROY_SCHEDULED
	destroyed = kmspb.CryptoKeyVersion_DESTROYED
)

// refused wants a refusal, over gRPC or REST.
func refused(t testing.TB, err error, code codes.Code, words string) {
	t.Helper()
	got, text := status.Code(err).String(), status.Convert(err).Message()
	var rest *googleapi.Error
	if errors.As(err, &rest) {
		var body struct{ Error struct{ Status string } }
		check(t, json.Unmarshal([]byte(rest.Body), &body))
		var named codes.Code
		check(t, named.UnmarshalJSON([]byte(strconv.Quote(body.Error.Status))))
		got = named.String()
	}
	if got != code.String() || !strings.Contains(text, words) {
		t.Errorf("%v (%s), want %s: %s", err, got, code, words)
	}
}

func setState(c *kmsapi.KeyManagementClient, name string, to kmspb.CryptoKeyVersion_CryptoKeyVersionState) (*kmspb.CryptoKeyVersion, error) {
	return c.UpdateCryptoKeyVersion(context.Background(), &kmspb.UpdateCryptoKeyVersionRequest{
		CryptoKeyVersion: &kmspb.CryptoKeyVersion{Name: name, State: to}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"state"}}})
}

// TestLife takes a version from its generation to its deletion.
func TestLife(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{Latency: kms.Latency{Generate: 10 * time.Second}})
	c := w.grpc("user:" + iam.Owner)
	k := w.signingKey(c)
	v := k.GetName() + "/cryptoKeyVersions/1"
	get := func() *kmspb.CryptoKeyVersion {
		t.Helper()
		return must(c.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: v}))(t)
	}
	is := func(want kmspb.CryptoKeyVersion_CryptoKeyVersionState) {
		t.Helper()
		if got := get(); got.GetState() != want {
			t.Fatalf("the version is %s, want %s", got.GetState(), want)
		}
	}
	public := func() error {
		_, err := c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: v})
		return err
	}
	is(pending)
	refused(t, public(), codes.FailedPrecondition, v+" is not enabled, current state is: PENDING_GENERATION.")
	_, err := c.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: v})
	refused(t, err, codes.FailedPrecondition, "has value PENDING_GENERATION in field crypto_key_version.state.")
	w.sleep(10 * time.Second)
	is(enabled)
	if get().GetGenerateTime().AsTime().Sub(get().GetCreateTime().AsTime()) != 10*time.Second {
		t.Errorf("generated %v", get())
	}
	check(t, public())

	must(setState(c, v, disabled))(t)
	err = public()
	refused(t, err, codes.FailedPrecondition, v+" is not enabled, current state is: DISABLED.")
	if d := status.Convert(err).Details(); len(d) != 1 || d[0].(*errdetails.PreconditionFailure).GetViolations()[0].GetSubject() != v {
		t.Errorf("details %v", d)
	}
	must(setState(c, v, enabled))(t)
	_, err = setState(c, v, destroyed)
	refused(t, err, codes.InvalidArgument, "DESTROYED")

	got := must(c.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: v}))(t)
	if got.GetState() != scheduled || !got.GetDestroyTime().AsTime().Equal(w.clock().Add(30*24*time.Hour)) {
		t.Errorf("destroyed %v", got)
	}
	_, err = setState(c, v, enabled)
	refused(t, err, codes.FailedPrecondition, "The request cannot be fulfilled. Resource "+v+" has value DESTROY_SCHEDULED in field crypto_key_version.state.")
	got = must(c.RestoreCryptoKeyVersion(ctx, &kmspb.RestoreCryptoKeyVersionRequest{Name: v}))(t)
	if got.GetState() != disabled || got.GetDestroyTime() != nil {
		t.Errorf("restored %v", got)
	}
	must(setState(c, v, enabled))(t)
	check(t, public())
	must(c.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: v}))(t)
	w.sleep(30*24*time.Hour - time.Nanosecond)
	is(scheduled)
	_, err = c.DeleteCryptoKeyVersion(ctx, &kmspb.DeleteCryptoKeyVersionRequest{Name: v})
	refused(t, err, codes.FailedPrecondition, "DESTROY_SCHEDULED")
	w.sleep(time.Nanosecond)
	is(destroyed)
	if got := get(); got.GetDestroyTime() != nil || !got.GetDestroyEventTime().AsTime().Equal(w.clock()) {
		t.Errorf("destroyed %v", got)
	}
	_, err = c.RestoreCryptoKeyVersion(ctx, &kmspb.RestoreCryptoKeyVersionRequest{Name: v})
	refused(t, err, codes.FailedPrecondition, "DESTROYED")
}

// TestDelete deletes a key for good; its name is never free again.
func TestDelete(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.rest("user:" + iam.Owner)
	k := w.signingKey(c)
	v := k.GetName() + "/cryptoKeyVersions/1"
	must(c.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: v}))(t)
	w.sleep(31 * 24 * time.Hour)
	_, err := c.DeleteCryptoKey(ctx, &kmspb.DeleteCryptoKeyRequest{Name: k.GetName()})
	refused(t, err, codes.FailedPrecondition, "CryptoKeyVersions")
	gone := must(c.DeleteCryptoKeyVersion(ctx, &kmspb.DeleteCryptoKeyVersionRequest{Name: v}))(t)
	check(t, gone.Wait(ctx))
	_, err = c.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: v})
	refused(t, err, codes.NotFound, "CryptoKeyVersion "+v+" not found.")
	op := must(c.DeleteCryptoKey(ctx, &kmspb.DeleteCryptoKeyRequest{Name: k.GetName()}))(t)
	check(t, op.Wait(ctx))
	meta := must(op.Metadata())(t)
	left := must(c.GetRetiredResource(ctx, &kmspb.GetRetiredResourceRequest{Name: meta.GetRetiredResource()}))(t)
	if left.GetOriginalResource() != k.GetName() {
		t.Errorf("retired %v", left)
	}
	it := c.ListRetiredResources(ctx, &kmspb.ListRetiredResourcesRequest{Parent: place})
	if r := must(it.Next())(t); r.GetName() != left.GetName() {
		t.Errorf("listed %v", r)
	}
	_, err = c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: place + "/keyRings/cosign", CryptoKeyId: "cosign", CryptoKey: &kmspb.CryptoKey{Purpose: kmspb.CryptoKey_ENCRYPT_DECRYPT}})
	refused(t, err, codes.AlreadyExists, "CryptoKey "+k.GetName()+" already exists.")
}

// TestRestart opens the keys again: they sign as before, and what is destroyed is gone from the file.
func TestRestart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	w := start(t, kms.Options{Dir: dir})
	c := w.grpc("user:" + iam.Owner)
	k := w.signingKey(c)
	v := k.GetName() + "/cryptoKeyVersions/1"
	before := must(c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: v}))(t)
	file := filepath.Join(dir, "kms.json")
	info := must(os.Stat(file))(t)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("kms.json has mode %v", info.Mode())
	}
	again := start(t, kms.Options{Dir: dir})
	c = again.grpc("user:" + iam.Owner)
	after := must(c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: v}))(t)
	if before.GetPem() != after.GetPem() {
		t.Error("another key after the restart")
	}
	must(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: v, Digest: digest256(sha("x"))}))(t)
	must(c.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: v}))(t)
	if text := string(must(os.ReadFile(file))(t)); !strings.Contains(text, `"material":`) {
		t.Error("the key material is gone before its time")
	}
	again.sleep(30 * 24 * time.Hour)
	must(c.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: v}))(t)
	if text := string(must(os.ReadFile(file))(t)); strings.Contains(text, `"material":`) {
		t.Error("the key material of a destroyed version is still on disk")
	}
}

// TestDamaged leaves a file alone that it cannot read.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", `{"version":99}`} {
		dir := t.TempDir()
		file := filepath.Join(dir, "kms.json")
		check(t, os.WriteFile(file, []byte(text), 0o600))
		k := must(iam.New(iam.Options{}))(t)
		if _, err := kms.New(k, kms.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", text, err)
		}
		if left := must(os.ReadFile(file))(t); string(left) != text {
			t.Errorf("the file is now %s", left)
		}
	}
}

// TestRotation makes a new primary version when the time has come.
func TestRotation(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.rest("user:" + iam.Owner)
	ring := must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"}))(t).GetName()
	day := 24 * time.Hour
	k := must(c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: "k", CryptoKey: &kmspb.CryptoKey{
		Purpose: kmspb.CryptoKey_ENCRYPT_DECRYPT, NextRotationTime: timestamppb.New(w.clock().Add(day)),
		RotationSchedule: &kmspb.CryptoKey_RotationPeriod{RotationPeriod: durationpb.New(2 * day)}}}))(t)
	one := must(c.Encrypt(ctx, &kmspb.EncryptRequest{Name: k.GetName(), Plaintext: []byte("p"), AdditionalAuthenticatedData: []byte("a"), PlaintextCrc32C: sum([]byte("p"))}))(t)
	if !one.GetVerifiedPlaintextCrc32C() || !strings.HasSuffix(one.GetName(), "/cryptoKeyVersions/1") {
		t.Errorf("encrypted %v", one)
	}
	w.sleep(day)
	k = must(c.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: k.GetName()}))(t)
	if !strings.HasSuffix(k.GetPrimary().GetName(), "/2") || !k.GetNextRotationTime().AsTime().Equal(w.clock().Add(2*day)) {
		t.Errorf("rotated %v", k)
	}
	back := must(c.Decrypt(ctx, &kmspb.DecryptRequest{Name: k.GetName(), Ciphertext: one.GetCiphertext(), AdditionalAuthenticatedData: []byte("a")}))(t)
	if string(back.GetPlaintext()) != "p" || back.GetUsedPrimary() {
		t.Errorf("decrypted %v", back)
	}
	_, err := c.Decrypt(ctx, &kmspb.DecryptRequest{Name: k.GetName(), Ciphertext: one.GetCiphertext(), AdditionalAuthenticatedData: []byte("b")})
	refused(t, err, codes.InvalidArgument, "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
	_, err = c.Decrypt(ctx, &kmspb.DecryptRequest{Name: k.GetName(), Ciphertext: []byte("nothing of ours")})
	refused(t, err, codes.InvalidArgument, "Decryption failed: the ciphertext is invalid.")
	must(c.UpdateCryptoKeyPrimaryVersion(ctx, &kmspb.UpdateCryptoKeyPrimaryVersionRequest{Name: k.GetName(), CryptoKeyVersionId: "1"}))(t)
	must(setState(c, k.GetName()+"/cryptoKeyVersions/1", disabled))(t)
	_, err = c.Encrypt(ctx, &kmspb.EncryptRequest{Name: k.GetName(), Plaintext: []byte("p")})
	refused(t, err, codes.FailedPrecondition, "/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.")
	_, err = c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: k.GetName() + "/cryptoKeyVersions/2", Digest: digest256(sha("x"))})
	refused(t, err, codes.FailedPrecondition, "has incorrect key purpose: ENCRYPT_DECRYPT")
}

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
