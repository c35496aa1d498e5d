package sandbox_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// As Google: what was changed is not seen yet. At once again: what is changed now is.
func TestConsistency(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Options{})
	l := &law{t: t, Sandbox: s, conns: map[string]*grpc.ClientConn{}}
	ctx := l.as(iam.Owner, everything, "")
	usage := serviceusagepb.NewServiceUsageClient(l.conn(iam.Usage))
	keys := kmspb.NewKeyManagementServiceClient(l.conn("cloudkms.googleapis.com"))
	accounts := adminpb.NewIAMClient(l.conn(iam.Admin))
	enable := func(api string) {
		t.Helper()
		if _, err := usage.EnableService(ctx, &serviceusagepb.EnableServiceRequest{Name: "projects/acme-demo/services/" + api}); err != nil {
			t.Fatal(err)
		}
	}
	ring := func() error {
		_, err := keys.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: "projects/acme-demo/locations/global", KeyRingId: "r"})
		return err
	}
	version := func(id string) kmspb.CryptoKeyVersion_CryptoKeyVersionState {
		t.Helper()
		parent := "projects/acme-demo/locations/global/keyRings/r"
		_, err := keys.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: parent, CryptoKeyId: id, CryptoKey: &kmspb.CryptoKey{
			Purpose:         kmspb.CryptoKey_ASYMMETRIC_SIGN,
			VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}})
		if err != nil {
			t.Fatal(err)
		}
		v, err := keys.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: parent + "/cryptoKeys/" + id + "/cryptoKeyVersions/1"})
		if err != nil {
			t.Fatal(err)
		}
		return v.GetState()
	}

	if err := s.SetConsistency(sandbox.AsGoogle()); err != nil {
		t.Fatal(err)
	}
	enable("cloudkms.googleapis.com")
	if err := ring(); status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), "If you enabled this API recently") {
		t.Errorf("an API that was just enabled: %v", err)
	}
	if err := s.SetConsistency(sandbox.Consistency{Profile: sandbox.Immediate}); err != nil {
		t.Fatal(err)
	}
	if err := ring(); err != nil {
		t.Fatal(err)
	}
	enable(iam.Admin)
	slow := sandbox.AsGoogle()
	slow.API = 0
	if err := s.SetConsistency(slow); err != nil {
		t.Fatal(err)
	}
	if got := version("slow"); got != kmspb.CryptoKeyVersion_PENDING_GENERATION {
		t.Errorf("a new version is %s", got)
	}
	a, err := accounts.CreateServiceAccount(ctx, &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: "nodes-of-it"})
	if err != nil {
		t.Fatal(err)
	}
	if s.IAM().Known(a.GetEmail()) {
		t.Error("a new account is known at once")
	}
	if err := s.SetConsistency(sandbox.Consistency{Profile: sandbox.Immediate}); err != nil {
		t.Fatal(err)
	}
	if got := version("quick"); got != kmspb.CryptoKeyVersion_ENABLED || !s.IAM().Known(a.GetEmail()) {
		t.Errorf("a new version is %s, the account is known: %v", got, s.IAM().Known(a.GetEmail()))
	}
	for _, bad := range []sandbox.Consistency{{}, {Profile: "eventual"}, {Profile: sandbox.Google, API: -1}, {Profile: sandbox.Google, Key: 1e9}} {
		if s.SetConsistency(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// Quota: a billing account pays for so many projects, and there are so many.
func TestQuota(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Options{})
	l := &law{t: t, Sandbox: s, conns: map[string]*grpc.ClientConn{}}
	ctx := l.as(iam.Owner, everything, "")
	for _, bad := range []sandbox.Quota{{"CPU": 1}, {"CPUS": -1}} {
		if s.SetQuota(bad) == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if err := s.SetQuota(sandbox.Quota{iam.LinkedProjects: 2, "SSD_TOTAL_GB": 500}); err != nil {
		t.Fatal(err)
	}
	if st := s.Status(); st.Quota["SSD_TOTAL_GB"] != 500 || st.Consistency != nil || st.Latency != nil {
		t.Errorf("the status says %v, %v, %v", st.Quota, st.Consistency, st.Latency)
	}
	bills := billingpb.NewCloudBillingClient(l.conn(iam.Billing))
	accounts, err := bills.ListBillingAccounts(ctx, &billingpb.ListBillingAccountsRequest{})
	if err != nil || len(accounts.GetBillingAccounts()) != 1 {
		t.Fatal(accounts, err)
	}
	link := func(project string) error {
		_, err := bills.UpdateProjectBillingInfo(ctx, &billingpb.UpdateProjectBillingInfoRequest{
			Name: "projects/" + project, ProjectBillingInfo: &billingpb.ProjectBillingInfo{BillingAccountName: accounts.GetBillingAccounts()[0].GetName()}})
		return err
	}
	if err := link("acme-tools"); err != nil { // it is linked already
		t.Error(err)
	}
	err = link("acme-staging")
	if st := status.Convert(err); st.Code() != codes.FailedPrecondition || len(st.Details()) != 1 || !strings.Contains(st.Proto().String(), "Cloud billing quota exceeded") {
		t.Errorf("a third project is linked: %v", st.Proto())
	}
	if err := s.SetQuota(sandbox.Quota{iam.AllProjects: 3}); err != nil {
		t.Fatal(err)
	}
	op, err := resourcemanagerpb.NewProjectsClient(l.conn(iam.Manager)).CreateProject(ctx, &resourcemanagerpb.CreateProjectRequest{Project: &resourcemanagerpb.Project{ProjectId: "one-too-many"}})
	if err != nil {
		t.Fatal(err)
	}
	look := longrunningpb.NewOperationsClient(l.conn(iam.Manager))
	op, err = look.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: op.GetName()})
	if err != nil || !op.GetDone() || op.GetError().GetMessage() != "The project cannot be created because you have exceeded your allotted project quota." {
		t.Errorf("a fourth project: %v, %v", op, err)
	}
	if _, err := look.GetOperation(l.as(iam.Viewer, everything, ""), &longrunningpb.GetOperationRequest{Name: op.GetName()}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("somebody else's operation: %v", err)
	}
	if err := s.SetQuota(nil); err != nil {
		t.Fatal(err)
	}
	if err := link("acme-staging"); err != nil {
		t.Error(err)
	}
}
