package admin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/iam/credentials/apiv1/credentialspb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/sandbox/iam"
)

func (w *world) accounts() adminpb.IAMClient { return adminpb.NewIAMClient(w.conn(iam.Admin)) }

func (w *world) account(id string) *adminpb.ServiceAccount {
	w.t.Helper()
	a, err := w.accounts().CreateServiceAccount(w.as(iam.Owner), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: id})
	w.check(err)
	return a
}

// bind adds one binding to the policy of acme-demo.
func (w *world) bind(role, member string) {
	w.t.Helper()
	p := w.iam.Policy("projects/acme-demo")
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
	_, err := w.projects().SetIamPolicy(w.as(iam.Owner), &iampb.SetIamPolicyRequest{Resource: "projects/acme-demo", Policy: p})
	w.check(err)
}

func (w *world) members(role string) []string {
	for _, b := range w.iam.Policy("projects/acme-demo").GetBindings() {
		if b.GetRole() == role {
			return b.GetMembers()
		}
	}
	return nil
}

// A deleted account leaves tombstones: a new one of its name is another account and
// inherits nothing, until the old one is brought back.
func TestAccountsOfOneName(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	const email = "worker@acme-demo.iam.gserviceaccount.com"
	old := w.account("worker")
	member := "serviceAccount:" + email
	w.bind("roles/browser", member)
	_, err := w.accounts().SetIamPolicy(w.as(iam.Owner), &iampb.SetIamPolicyRequest{Resource: old.GetName(),
		Policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/iam.serviceAccountUser", Members: []string{"user:" + iam.Viewer}}}}})
	w.check(err)
	ctx := w.as(member)
	get := &resourcemanagerpb.GetProjectRequest{Name: "projects/acme-demo"}
	_, err = w.projects().GetProject(ctx, get)
	w.check(err)
	_, err = w.accounts().CreateServiceAccount(w.as(iam.Owner), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: "worker"})
	refused(t, err, codes.AlreadyExists, "Service account worker already exists within project projects/acme-demo.", "")

	_, err = w.accounts().DeleteServiceAccount(w.as(iam.Owner), &adminpb.DeleteServiceAccountRequest{Name: old.GetName()})
	w.check(err)
	same(t, "after deletion", w.members("roles/browser"), []string{"deleted:" + member + "?uid=" + old.GetUniqueId()})
	_, err = w.projects().GetProject(ctx, get)
	refused(t, err, codes.Unauthenticated, "", "ACCOUNT_STATE_INVALID")
	_, err = w.accounts().GetServiceAccount(w.as(iam.Owner), &adminpb.GetServiceAccountRequest{Name: old.GetName()})
	refused(t, err, codes.NotFound, "Unknown service account", "")
	_, err = w.accounts().GetServiceAccount(w.as(iam.Owner), &adminpb.GetServiceAccountRequest{Name: "projects/-/serviceAccounts/" + email})
	refused(t, err, codes.PermissionDenied, "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist).", "IAM_PERMISSION_DENIED")

	next := w.account("worker")
	if next.GetUniqueId() == old.GetUniqueId() {
		t.Error("the new account has the old one's unique id")
	}
	_, err = w.projects().GetProject(w.as(member), get)
	refused(t, err, codes.PermissionDenied, "resourcemanager.projects.get", "IAM_PERMISSION_DENIED")
	if p := w.iam.Policy(next.GetName()); len(p.GetBindings()) != 0 {
		t.Errorf("the new account inherits a policy: %v", p)
	}
	undelete := &adminpb.UndeleteServiceAccountRequest{Name: "projects/-/serviceAccounts/" + old.GetUniqueId()}
	_, err = w.accounts().UndeleteServiceAccount(w.as(iam.Owner), undelete)
	refused(t, err, codes.AlreadyExists, email, "")
	_, err = w.accounts().DeleteServiceAccount(w.as(iam.Owner), &adminpb.DeleteServiceAccountRequest{Name: next.GetName()})
	w.check(err)
	_, err = w.accounts().UndeleteServiceAccount(w.as(iam.Viewer), undelete)
	refused(t, err, codes.PermissionDenied, "iam.serviceAccounts.undelete", "IAM_PERMISSION_DENIED")
	_, err = w.accounts().UndeleteServiceAccount(w.as(iam.Owner), undelete)
	w.check(err)
	same(t, "brought back", w.members("roles/browser"), []string{member})
	if p := w.iam.Policy(old.GetName()); len(p.GetBindings()) != 1 {
		t.Errorf("the policy on the account did not come back: %v", p)
	}
	_, err = w.projects().GetProject(w.as(member), get)
	w.check(err)
}

func TestAccountKeptThirtyDays(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	a := w.account("worker")
	_, err := w.accounts().DeleteServiceAccount(w.as(iam.Owner), &adminpb.DeleteServiceAccountRequest{Name: a.GetName()})
	w.check(err)
	w.pass(31 * 24 * time.Hour)
	_, err = w.accounts().UndeleteServiceAccount(w.as(iam.Owner), &adminpb.UndeleteServiceAccountRequest{Name: "projects/-/serviceAccounts/" + a.GetUniqueId()})
	refused(t, err, codes.NotFound, "Unknown service account", "")
}

// A disabled account's tokens are refused, and it gets no new ones.
func TestAccountDisabled(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	a := w.account("worker")
	member := "serviceAccount:" + a.GetEmail()
	w.bind("roles/browser", member)
	w.bind("roles/iam.serviceAccountTokenCreator", "user:"+iam.Viewer)
	ctx, get := w.as(member), &resourcemanagerpb.GetProjectRequest{Name: "projects/acme-demo"}
	creds := credentialspb.NewIAMCredentialsClient(w.conn(iam.Credentials))
	ask := &credentialspb.GenerateAccessTokenRequest{Name: "projects/-/serviceAccounts/" + a.GetEmail(), Scope: []string{cloudPlatform}}
	_, err := creds.GenerateAccessToken(w.as(iam.Owner), ask)
	refused(t, err, codes.PermissionDenied, "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", "IAM_PERMISSION_DENIED")
	got, err := creds.GenerateAccessToken(w.as(iam.Viewer), ask)
	w.check(err)
	if c, err := w.iam.Authenticate(got.GetAccessToken()); err != nil || c.Member != member {
		t.Errorf("the token is of %v, %v", c, err)
	}
	_, err = w.projects().GetProject(ctx, get)
	w.check(err)
	_, err = w.accounts().DisableServiceAccount(w.as(iam.Owner), &adminpb.DisableServiceAccountRequest{Name: a.GetName()})
	w.check(err)
	_, err = w.projects().GetProject(ctx, get)
	refused(t, err, codes.Unauthenticated, "", "ACCOUNT_STATE_INVALID")
	_, err = creds.GenerateAccessToken(w.as(iam.Viewer), ask)
	refused(t, err, codes.PermissionDenied, "", "IAM_PERMISSION_DENIED")
	_, err = w.accounts().EnableServiceAccount(w.as(iam.Owner), &adminpb.EnableServiceAccountRequest{Name: a.GetName()})
	w.check(err)
	_, err = w.projects().GetProject(ctx, get)
	w.check(err)
}

func TestAccountIDs(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	for id, words := range map[string]string{
		"short": `The account ID "short" does not have a length between 6 and 30.`, "": "does not have a length", "Upper-case": "must match", "ends-in-": "must match",
	} {
		_, err := w.accounts().CreateServiceAccount(w.as(iam.Owner), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: id})
		refused(t, err, codes.InvalidArgument, words, "")
	}
	_, err := w.accounts().CreateServiceAccount(w.as(iam.Viewer), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: "worker"})
	refused(t, err, codes.PermissionDenied, "Permission 'iam.serviceAccounts.create' denied on resource (or it may not exist).", "IAM_PERMISSION_DENIED")
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	r, err := w.accounts().GetRole(w.as(iam.Viewer), &adminpb.GetRoleRequest{Name: "roles/cloudkms.signer"})
	w.check(err)
	if !slices.Contains(r.GetIncludedPermissions(), "cloudkms.cryptoKeyVersions.useToSign") {
		t.Errorf("the signer's permissions are %q", r.GetIncludedPermissions())
	}
	_, err = w.accounts().GetRole(w.as(iam.Viewer), &adminpb.GetRoleRequest{Name: "roles/nothing"})
	refused(t, err, codes.NotFound, "The role named roles/nothing was not found.", "")
	_, err = w.accounts().GetRole(w.as(iam.Viewer), &adminpb.GetRoleRequest{Name: "set/kms-read"}) // how the sandbox writes them down is its own
	refused(t, err, codes.NotFound, "", "")
	out, err := w.accounts().QueryGrantableRoles(w.as(iam.Viewer), &adminpb.QueryGrantableRolesRequest{FullResourceName: "//cloudresourcemanager.googleapis.com/projects/acme-demo"})
	w.check(err)
	var names []string
	for _, r := range out.GetRoles() {
		names = append(names, r.GetName())
	}
	for name, want := range map[string]bool{"roles/owner": true, "roles/cloudkms.signer": true, "roles/resourcemanager.projectCreator": false, "roles/billing.user": false} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s can be granted on a project: %v, want %v", name, !want, want)
		}
	}
	same(t, "what is no role", slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "roles/") }), nil)
}

// Uses tell what was needed from what was not.
func TestUses(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	_, err := w.projects().GetProject(w.as(iam.Viewer), &resourcemanagerpb.GetProjectRequest{Name: "projects/acme-demo"})
	w.check(err)
	_, err = w.projects().DeleteProject(w.as(iam.Viewer), &resourcemanagerpb.DeleteProjectRequest{Name: "projects/acme-demo"})
	refused(t, err, codes.PermissionDenied, "", "IAM_PERMISSION_DENIED")
	for _, u := range w.iam.Uses() {
		if u.Principal != "user:"+iam.Viewer {
			continue
		}
		same(t, "used", u.Used, []string{"resourcemanager.projects.get"})
		same(t, "missed", u.Missed, []string{"resourcemanager.projects.delete"})
		if slices.Contains(u.Idle, "resourcemanager.projects.get") || !slices.Contains(u.Idle, "cloudkms.keyRings.list") || slices.Contains(u.Idle, "cloudkms.keyRings.create") {
			t.Errorf("idle: %q", u.Idle)
		}
		return
	}
	t.Error("the viewer is not among the principals")
}

// A project's own role gives what it lists, in that project only, until it is deleted.
func TestCustomRoles(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	make := func(who string, permissions ...string) (*adminpb.Role, error) {
		return w.accounts().CreateRole(w.as(who), &adminpb.CreateRoleRequest{Parent: "projects/acme-demo", RoleId: "key_maker",
			Role: &adminpb.Role{Title: "Key maker", IncludedPermissions: permissions}})
	}
	_, err := make(iam.Viewer)
	refused(t, err, codes.PermissionDenied, "", "IAM_PERMISSION_DENIED")
	_, err = make(iam.Owner, "nothing.at.all")
	refused(t, err, codes.InvalidArgument, "Permission nothing.at.all is not valid.", "")
	r, err := make(iam.Owner, "cloudkms.keyRings.create")
	w.check(err)
	if r.GetName() != "projects/acme-demo/roles/key_maker" || r.GetStage() != adminpb.Role_ALPHA {
		t.Errorf("made %v", r)
	}
	_, err = make(iam.Owner)
	refused(t, err, codes.AlreadyExists, "already exists", "")
	w.bind(r.GetName(), "user:"+iam.Viewer)
	viewer := iam.Caller{Email: iam.Viewer, Member: "user:" + iam.Viewer}
	holds := func(permission string) bool {
		return w.iam.Holds(viewer, permission, "projects/acme-demo/locations/global")
	}
	if !holds("cloudkms.keyRings.create") || holds("cloudkms.cryptoKeys.create") {
		t.Error("the role gives something else than it lists")
	}
	_, err = w.projects().SetIamPolicy(w.as(iam.Owner), &iampb.SetIamPolicyRequest{Resource: "projects/acme-tools",
		Policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: r.GetName(), Members: []string{"user:" + iam.Viewer}}}}})
	refused(t, err, codes.InvalidArgument, "Role ("+r.GetName()+") does not exist in the resource's hierarchy.", "")
	_, err = w.accounts().UpdateRole(w.as(iam.Owner), &adminpb.UpdateRoleRequest{Name: r.GetName(),
		Role: &adminpb.Role{IncludedPermissions: []string{"cloudkms.cryptoKeys.create"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"included_permissions"}}})
	w.check(err)
	if holds("cloudkms.keyRings.create") || !holds("cloudkms.cryptoKeys.create") {
		t.Error("a change of the role does not reach those who have it")
	}
	_, err = w.accounts().DeleteRole(w.as(iam.Owner), &adminpb.DeleteRoleRequest{Name: r.GetName()})
	w.check(err)
	if holds("cloudkms.cryptoKeys.create") {
		t.Error("a deleted role gives something")
	}
	list := func(deleted bool) int {
		out, err := w.accounts().ListRoles(w.as(iam.Owner), &adminpb.ListRolesRequest{Parent: "projects/acme-demo", ShowDeleted: deleted})
		w.check(err)
		return len(out.GetRoles())
	}
	if list(false) != 0 || list(true) != 1 {
		t.Errorf("%d roles, %d with the deleted ones", list(false), list(true))
	}
	_, err = w.accounts().UndeleteRole(w.as(iam.Owner), &adminpb.UndeleteRoleRequest{Name: r.GetName()})
	w.check(err)
	if !holds("cloudkms.cryptoKeys.create") {
		t.Error("the role did not come back")
	}
}
