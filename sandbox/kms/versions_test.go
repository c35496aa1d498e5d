package kms_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
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
	c := w.rest()
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

// TestDeleteKeyRing deletes a key ring, which only REST can.
func TestDeleteKeyRing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.grpc("user:" + iam.Owner)
	w.signingKey(c)
	ring := must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "empty"}))(t).GetName()
	remove := func(who, name string) (int, string) {
		hc := &http.Client{Transport: &oauth2.Transport{Source: w.token("user:" + who), Base: w.transport()}}
		req := must(http.NewRequestWithContext(ctx, http.MethodDelete, "https://"+kms.Host+"/v1/"+name, nil))(t)
		resp := must(hc.Do(req))(t)
		defer resp.Body.Close()
		return resp.StatusCode, strings.ReplaceAll(string(must(io.ReadAll(resp.Body))(t)), `": `, `":`)
	}
	for _, test := range []struct {
		who, name string
		code      int
		words     string
	}{
		{iam.Viewer, ring, 403, "Permission 'cloudkms.keyRings.delete' denied on resource '" + ring + "'"},
		{iam.Owner, place + "/keyRings/cosign", 400, "FAILED_PRECONDITION"},
		{iam.Owner, place + "/keyRings/none", 404, "KeyRing " + place + "/keyRings/none not found."},
		{iam.Owner, ring, 200, `"done":true`},
		{iam.Owner, ring, 404, "not found."},
		{iam.Owner, ring + "/cryptoKeys", 404, "Method not found."},
	} {
		if code, text := remove(test.who, test.name); code != test.code || !strings.Contains(text, test.words) {
			t.Errorf("%s as %s: %d %s, want %d %s", test.name, test.who, code, text, test.code, test.words)
		}
	}
	_, err := c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "empty"})
	refused(t, err, codes.AlreadyExists, "KeyRing "+ring+" already exists.")
}

// TestDeleteKeyRingREST holds that call to the same REST as all others.
func TestDeleteKeyRingREST(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.grpc("user:" + iam.Owner)
	ring := must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"}))(t).GetName()
	token := must(w.token("user:" + iam.Owner).Token())(t).AccessToken
	for _, test := range []struct {
		query, header, value string
		code                 int
		words                string
	}{
		{"", "", "", 401, "missing required authentication credential"},
		{"alt=media", "Authorization", "Bearer " + token, 400, "at 'alt'"},
		{"colour=red", "Authorization", "Bearer " + token, 400, "Cannot bind query parameter"},
		{"access_token=" + token, "X-Goog-User-Project", "acme-staging", 403, "SERVICE_DISABLED"},
		{"fields=done", "Authorization", "bearer " + token, 200, "{\n  \"done\": true\n}\n"},
		{"access_token=" + token, "", "", 404, "not found."},
	} {
		req := must(http.NewRequestWithContext(ctx, http.MethodDelete, "https://"+kms.Host+"/v1/"+ring+"?"+test.query, nil))(t)
		if test.header != "" {
			req.Header.Set(test.header, test.value)
		}
		resp := must(w.transport().RoundTrip(req))(t)
		text := string(must(io.ReadAll(resp.Body))(t))
		resp.Body.Close()
		if resp.StatusCode != test.code || !strings.Contains(text, test.words) || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %v %s, want %d %s", test.query, test.header, resp.StatusCode, resp.Header, text, test.code, test.words)
		}
	}
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
	c := w.rest()
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
