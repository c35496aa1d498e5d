package kms_test

import (
	"context"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	kmsapi "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

// TestPolicies grants on a key, on its key ring, and takes it away.
func TestPolicies(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	owner, viewer := w.grpc("user:"+iam.Owner), w.grpc("user:"+iam.Viewer)
	k := w.signingKey(owner)
	ring, version := place+"/keyRings/cosign", k.GetName()+"/cryptoKeyVersions/1"
	sign := func() error {
		_, err := viewer.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: version, Digest: digest256(sha("x"))})
		return err
	}
	asOwner, asViewer := iampb.NewIAMPolicyClient(w.dial("user:"+iam.Owner)), iampb.NewIAMPolicyClient(w.dial("user:"+iam.Viewer))
	grant := func(resource string, etag []byte, members ...string) (*iampb.Policy, error) {
		return asOwner.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: resource, Policy: &iampb.Policy{Etag: etag,
			Bindings: []*iampb.Binding{{Role: "roles/cloudkms.signer", Members: members}}}})
	}
	for _, resource := range []string{k.GetName(), ring} {
		empty := must(asOwner.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: resource}))(t)
		if len(empty.GetBindings()) != 0 || len(empty.GetEtag()) == 0 {
			t.Errorf("before: %v", empty)
		}
		refused(t, sign(), codes.PermissionDenied, "useToSign")
		given := must(grant(resource, empty.GetEtag(), "user:"+iam.Viewer))(t)
		check(t, sign())
		_, err := grant(resource, empty.GetEtag())
		refused(t, err, codes.Aborted, "concurrent policy changes")
		must(grant(resource, given.GetEtag()))(t)
		refused(t, sign(), codes.PermissionDenied, "useToSign")
		must(grant(resource, []byte("anelse's"), "user:"+iam.Viewer))(t) // of another world
		must(grant(resource, nil))(t)
		_, err = asViewer.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: resource, Policy: &iampb.Policy{}})
		refused(t, err, codes.PermissionDenied, ".setIamPolicy' denied on resource '"+resource+"'")
	}
	held := must(asViewer.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: k.GetName(), Permissions: []string{"cloudkms.cryptoKeys.get", "cloudkms.cryptoKeyVersions.useToSign"}}))(t)
	if p := held.GetPermissions(); len(p) != 1 || p[0] != "cloudkms.cryptoKeys.get" {
		t.Errorf("the viewer holds %v", p)
	}
	_, err := asOwner.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: ring + "/cryptoKeys/none"})
	refused(t, err, codes.NotFound, "CryptoKey "+ring+"/cryptoKeys/none not found.")
}

// TestImportJobPolicies grants the use of an import job, over REST as it is bound.
func TestImportJobPolicies(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	c := w.rest()
	ring := must(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"}))(t).GetName()
	job := must(c.CreateImportJob(ctx, &kmspb.CreateImportJobRequest{Parent: ring, ImportJobId: "j", ImportJob: &kmspb.ImportJob{
		ImportMethod: kmspb.ImportJob_RSA_OAEP_3072_SHA256, ProtectionLevel: kmspb.ProtectionLevel_SOFTWARE}}))(t).GetName()
	if listed := must(c.ListImportJobs(ctx, &kmspb.ListImportJobsRequest{Parent: ring}).Next())(t); listed.GetState() != kmspb.ImportJob_ACTIVE {
		t.Errorf("listed %v", listed)
	}
	asOwner, asViewer := iampb.NewIAMPolicyClient(w.dial("user:"+iam.Owner)), iampb.NewIAMPolicyClient(w.dial("user:"+iam.Viewer))
	may := &iampb.TestIamPermissionsRequest{Resource: job, Permissions: []string{"cloudkms.importJobs.get", "cloudkms.importJobs.useToImport"}}
	if held := must(asViewer.TestIamPermissions(ctx, may))(t).GetPermissions(); len(held) != 1 {
		t.Errorf("at first the viewer holds %v", held)
	}
	must(asOwner.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: job, Policy: &iampb.Policy{
		Bindings: []*iampb.Binding{{Role: "roles/cloudkms.admin", Members: []string{"user:" + iam.Viewer}}}}}))(t)
	if held := must(asViewer.TestIamPermissions(ctx, may))(t).GetPermissions(); len(held) != 2 {
		t.Errorf("then the viewer holds %v", held)
	}
	if p := must(asViewer.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: job}))(t); len(p.GetBindings()) != 1 {
		t.Errorf("the policy is %v", p)
	}
	_, err := asOwner.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: ring + "/importJobs/none"})
	refused(t, err, codes.NotFound, "ImportJob "+ring+"/importJobs/none not found.")
	_, err = asOwner.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: job, Permissions: []string{"cloudkms.cryptoKeys.get"}})
	refused(t, err, codes.InvalidArgument, "not valid for this resource")
}

// TestScopes refuses tokens for other things: a node's without the scope of Cloud KMS.
func TestScopes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	k := w.signingKey(w.grpc("user:" + iam.Owner))
	get := func(scope string) error {
		_, err := w.grpc("user:"+iam.Owner, scope).GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: k.GetName()})
		return err
	}
	check(t, get("https://www.googleapis.com/auth/cloudkms"))
	refused(t, get("https://www.googleapis.com/auth/devstorage.read_only"), codes.PermissionDenied, "Request had insufficient authentication scopes.")
}

// TestLocations lists where keys can be.
func TestLocations(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := start(t, kms.Options{})
	for _, c := range []*kmsapi.KeyManagementClient{w.grpc("user:" + iam.Owner), w.rest()} {
		resp := must(c.GetLocation(ctx, locationRequest(place)))(t)
		if resp.GetName() != place || resp.GetLocationId() != "northamerica-northeast1" {
			t.Errorf("got %v", resp)
		}
		found := false
		for it := c.ListLocations(ctx, locationsRequest("projects/acme-demo")); ; {
			l, err := it.Next()
			if err != nil {
				break
			}
			found = found || l.GetLocationId() == "global"
		}
		if !found {
			t.Error("global is not listed")
		}
	}
}
