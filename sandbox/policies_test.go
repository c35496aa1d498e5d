package sandbox_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// kind is a kind of resource that has a policy of its own.
type kind struct {
	name          string
	host, service string
	resource      string
	role          string // that can be granted on it
	sees, changes string // permissions on it: of whoever may look, and of its owner only
}

func kinds(s *sandbox.Sandbox) []kind {
	billing := ""
	for _, p := range s.IAM().Projects() {
		if p.BillingAccount != "" {
			billing = p.BillingAccount
		}
	}
	const policies = "/google.iam.v1.IAMPolicy/"
	return []kind{
		{"project", iam.Manager, "/google.cloud.resourcemanager.v3.Projects/", here, "roles/browser", "resourcemanager.projects.get", "resourcemanager.projects.setIamPolicy"},
		{"organization", iam.Manager, "/google.cloud.resourcemanager.v3.Organizations/", s.IAM().Organization().Name, "roles/browser",
			"resourcemanager.organizations.get", "resourcemanager.organizations.setIamPolicy"},
		{"billing account", iam.Billing, "/google.cloud.billing.v1.CloudBilling/", billing, "roles/billing.viewer", "billing.accounts.get", "billing.accounts.setIamPolicy"},
		{"service account", iam.Admin, "/google.iam.admin.v1.IAM/", node, "roles/iam.serviceAccountUser", "iam.serviceAccounts.get", "iam.serviceAccounts.setIamPolicy"},
		{"key ring", kmsHost, policies, ring, "roles/cloudkms.viewer", "cloudkms.keyRings.get", "cloudkms.keyRings.setIamPolicy"},
		{"key", kmsHost, policies, signer, "roles/cloudkms.verifier", "cloudkms.cryptoKeys.get", "cloudkms.cryptoKeys.setIamPolicy"},
		{"repository", "artifactregistry.googleapis.com", "/google.devtools.artifactregistry.v1.ArtifactRegistry/", repo, "roles/artifactregistry.reader",
			"artifactregistry.repositories.get", "artifactregistry.repositories.setIamPolicy"},
	}
}

// TestPolicyOfEveryKind holds every resource that has a policy to the same law: what one
// may do on it can be asked; of two writers who read the same, one is told; a condition
// is refused; and an account that is deleted stays in the policy as that, without effect.
func TestPolicyOfEveryKind(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Options{})
	l := &law{t: t, Sandbox: s, conns: map[string]*grpc.ClientConn{}}
	l.furnish()
	for _, k := range kinds(s) {
		t.Run(k.name, func(t *testing.T) {
			l.mayAsk(t, k)
			l.concurrent(t, k)
			l.conditional(t, k)
			l.deleted(t, k)
		})
	}
}

// furnish makes one of each kind, and its owner theirs.
func (l *law) furnish() {
	ctx := l.as(iam.Owner, everything, "")
	must := func(_ any, err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatal(err)
		}
	}
	must(adminpb.NewIAMClient(l.conn(iam.Admin)).CreateServiceAccount(ctx, &adminpb.CreateServiceAccountRequest{Name: here, AccountId: "the-nodes"}))
	keys := kmspb.NewKeyManagementServiceClient(l.conn(kmsHost))
	must(keys.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"}))
	must(keys.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: "k", CryptoKey: &kmspb.CryptoKey{Purpose: kmspb.CryptoKey_ENCRYPT_DECRYPT}}))
	must(artifactregistrypb.NewArtifactRegistryClient(l.conn("artifactregistry.googleapis.com")).CreateRepository(ctx, &artifactregistrypb.CreateRepositoryRequest{
		Parent: place, RepositoryId: "containers", Repository: &artifactregistrypb.Repository{Format: artifactregistrypb.Repository_DOCKER}}))
	accounts, err := billingpb.NewCloudBillingClient(l.conn(iam.Billing)).ListBillingAccounts(ctx, &billingpb.ListBillingAccountsRequest{})
	must(accounts, err)
	for resource, roles := range map[string][2]string{
		l.IAM().Organization().Name:                {"roles/resourcemanager.organizationAdmin", "roles/resourcemanager.organizationViewer"},
		accounts.GetBillingAccounts()[0].GetName(): {"roles/billing.admin", "roles/billing.viewer"},
	} {
		p := l.IAM().Policy(resource)
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: roles[0], Members: []string{"user:" + iam.Owner}}, &iampb.Binding{Role: roles[1], Members: []string{"user:" + iam.Viewer}})
		must(l.IAM().SetPolicy(resource, p, nil))
	}
}

func (l *law) ask(ctx context.Context, k kind, method string, req, out any) error {
	return l.conn(k.host).Invoke(ctx, k.service+method, req, out)
}

func (l *law) policy(t *testing.T, k kind) *iampb.Policy {
	t.Helper()
	p := &iampb.Policy{}
	if err := l.ask(l.as(iam.Owner, everything, ""), k, "GetIamPolicy", &iampb.GetIamPolicyRequest{Resource: k.resource}, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (l *law) write(k kind, p *iampb.Policy) error {
	return l.ask(l.as(iam.Owner, everything, ""), k, "SetIamPolicy", &iampb.SetIamPolicyRequest{Resource: k.resource, Policy: p}, &iampb.Policy{})
}

func (l *law) mayAsk(t *testing.T, k kind) {
	t.Helper()
	for who, want := range map[string][]string{iam.Owner: {k.sees, k.changes}, iam.Viewer: {k.sees}} {
		got := &iampb.TestIamPermissionsResponse{}
		err := l.ask(l.as(who, everything, ""), k, "TestIamPermissions", &iampb.TestIamPermissionsRequest{Resource: k.resource, Permissions: []string{k.sees, k.changes}}, got)
		if err != nil || !slices.Equal(got.GetPermissions(), want) {
			t.Errorf("%s may %q (%v), want %q", who, got.GetPermissions(), err, want)
		}
	}
	if err := l.ask(l.as(iam.Viewer, everything, ""), k, "SetIamPolicy", &iampb.SetIamPolicyRequest{Resource: k.resource, Policy: &iampb.Policy{}}, &iampb.Policy{}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("the viewer sets the policy: %v", err)
	}
}

func (l *law) concurrent(t *testing.T, k kind) {
	t.Helper()
	one, other := l.policy(t, k), l.policy(t, k)
	one.Bindings = append(one.Bindings, &iampb.Binding{Role: k.role, Members: []string{"user:someone@elsewhere.example"}})
	if err := l.write(k, one); err != nil {
		t.Fatal(err)
	}
	if err := l.write(k, other); status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "There were concurrent policy changes.") {
		t.Errorf("the second writer: %v", err)
	}
	if !slices.ContainsFunc(l.policy(t, k).GetBindings(), func(b *iampb.Binding) bool { return b.GetRole() == k.role }) {
		t.Error("the first writer's binding is gone")
	}
}

func (l *law) conditional(t *testing.T, k kind) {
	t.Helper()
	p := l.policy(t, k)
	p.Version = 3
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: k.role, Members: []string{"user:" + iam.Viewer}, Condition: &expr.Expr{Expression: "request.time < timestamp('2020-01-01T00:00:00Z')"}})
	if err := l.write(k, p); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "Conditions are not part of the sandbox") {
		t.Errorf("a condition: %v", err)
	}
}

func (l *law) deleted(t *testing.T, k kind) {
	t.Helper()
	ctx, accounts := l.as(iam.Owner, everything, ""), adminpb.NewIAMClient(l.conn(iam.Admin))
	a, err := accounts.CreateServiceAccount(ctx, &adminpb.CreateServiceAccountRequest{Name: here, AccountId: "short-lived"})
	if err != nil {
		t.Fatal(err)
	}
	member := "serviceAccount:" + a.GetEmail()
	p := l.policy(t, k)
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: k.role, Members: []string{member}})
	if err := l.write(k, p); err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.DeleteServiceAccount(ctx, &adminpb.DeleteServiceAccountRequest{Name: a.GetName()}); err != nil {
		t.Fatal(err)
	}
	gone := "deleted:" + member + "?uid=" + a.GetUniqueId()
	find := func(m string) bool {
		return slices.ContainsFunc(l.policy(t, k).GetBindings(), func(b *iampb.Binding) bool { return slices.Contains(b.GetMembers(), m) })
	}
	if find(member) || !find(gone) {
		t.Errorf("of a deleted account the policy has %v", l.policy(t, k))
	}
	if err := l.write(k, l.policy(t, k)); err != nil { // as it was read
		t.Errorf("a policy with a deleted member cannot be written: %v", err)
	}
	again, err := accounts.CreateServiceAccount(ctx, &adminpb.CreateServiceAccountRequest{Name: here, AccountId: "short-lived"})
	if err != nil {
		t.Fatal(err)
	}
	if find(member) {
		t.Error("a new account of that name inherits the role")
	}
	if _, err := accounts.DeleteServiceAccount(ctx, &adminpb.DeleteServiceAccountRequest{Name: again.GetName()}); err != nil {
		t.Fatal(err)
	}
}
