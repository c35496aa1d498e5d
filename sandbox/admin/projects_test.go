package admin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/sandbox/iam"
)

func (w *world) projects() resourcemanagerpb.ProjectsClient {
	return resourcemanagerpb.NewProjectsClient(w.conn(iam.Manager))
}

// A project is made by whoever may make them in the organization, is theirs when the
// operation is done and not before, and can be linked to billing by them.
func TestProjectMade(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{Latency: iam.Latency{CreateProject: 10 * time.Second}})
	c := w.projects()
	want := &resourcemanagerpb.Project{ProjectId: "brand-new", DisplayName: "Brand new", Labels: map[string]string{"a": "b"}}
	_, err := c.CreateProject(w.as(iam.Viewer), &resourcemanagerpb.CreateProjectRequest{Project: want})
	refused(t, err, codes.PermissionDenied, "Permission 'resourcemanager.projects.create' denied on resource '//cloudresourcemanager.googleapis.com/organizations/", "IAM_PERMISSION_DENIED")
	op, err := c.CreateProject(w.as(iam.Owner), &resourcemanagerpb.CreateProjectRequest{Project: want})
	w.check(err)
	if op.GetDone() {
		t.Error("the project was made at once")
	}
	get := &resourcemanagerpb.GetProjectRequest{Name: "projects/brand-new"}
	_, err = c.GetProject(w.as(iam.Owner), get)
	refused(t, err, codes.PermissionDenied, "Permission 'resourcemanager.projects.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/brand-new' (or it may not exist).", "IAM_PERMISSION_DENIED")
	w.pass(10 * time.Second)
	ops := longrunningpb.NewOperationsClient(w.conn(iam.Manager))
	op, err = ops.GetOperation(w.as(iam.Owner), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	w.check(err)
	made := &resourcemanagerpb.Project{}
	w.check(op.GetResponse().UnmarshalTo(made))
	if !op.GetDone() || made.GetProjectId() != "brand-new" || made.GetState() != resourcemanagerpb.Project_ACTIVE {
		t.Errorf("the operation answers %v", op)
	}
	_, err = ops.GetOperation(w.as(iam.Viewer), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	refused(t, err, codes.PermissionDenied, "resourcemanager.projects.get", "")
	_, err = c.GetProject(w.as(iam.Viewer), get)
	refused(t, err, codes.PermissionDenied, "resourcemanager.projects.get", "IAM_PERMISSION_DENIED")
	p, err := c.GetProject(w.as(iam.Owner), get)
	w.check(err)
	if p.GetName() != made.GetName() || p.GetLabels()["a"] != "b" || !strings.HasPrefix(p.GetParent(), "organizations/") {
		t.Errorf("got %v", p)
	}
	_, err = c.CreateProject(w.as(iam.Owner), &resourcemanagerpb.CreateProjectRequest{Project: want})
	refused(t, err, codes.AlreadyExists, "Requested entity already exists", "")
	policy, err := c.GetIamPolicy(w.as(iam.Owner), &iampb.GetIamPolicyRequest{Resource: "projects/brand-new"})
	w.check(err)
	if len(policy.GetBindings()) != 1 || policy.GetBindings()[0].GetRole() != "roles/owner" {
		t.Errorf("the new project's policy is %v", policy)
	}
	w.link(t)
}

func (w *world) link(t *testing.T) {
	b := billingpb.NewCloudBillingClient(w.conn(iam.Billing))
	accounts, err := b.ListBillingAccounts(w.as(iam.Owner), &billingpb.ListBillingAccountsRequest{})
	w.check(err)
	account := accounts.GetBillingAccounts()[0].GetName()
	link := &billingpb.UpdateProjectBillingInfoRequest{Name: "projects/brand-new", ProjectBillingInfo: &billingpb.ProjectBillingInfo{BillingAccountName: account}}
	_, err = b.UpdateProjectBillingInfo(w.as(iam.Viewer), link)
	refused(t, err, codes.PermissionDenied, "The caller does not have permission", "")
	info, err := b.UpdateProjectBillingInfo(w.as(iam.Owner), link)
	w.check(err)
	if !info.GetBillingEnabled() || info.GetBillingAccountName() != account || info.GetName() != "projects/brand-new/billingInfo" {
		t.Errorf("linked: %v", info)
	}
	w.check(w.iam.CloseBillingAccount(account))
	info, err = b.GetProjectBillingInfo(w.as(iam.Owner), &billingpb.GetProjectBillingInfoRequest{Name: "projects/brand-new"})
	w.check(err)
	if info.GetBillingEnabled() {
		t.Error("a closed account pays")
	}
	link.ProjectBillingInfo.BillingAccountName = "billingAccounts/000000-000000-000000"
	_, err = b.UpdateProjectBillingInfo(w.as(iam.Owner), link)
	refused(t, err, codes.PermissionDenied, "The caller does not have permission", "")
	link.ProjectBillingInfo.BillingAccountName = ""
	info, err = b.UpdateProjectBillingInfo(w.as(iam.Owner), link)
	w.check(err)
	if info.GetBillingEnabled() || info.GetBillingAccountName() != "" {
		t.Errorf("not linked: %v", info)
	}
}

func TestProjectIDs(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	for id, issue := range map[string]string{
		"Upper-case": "project_id contains invalid characters", "ends-with-": "project_id contains invalid characters", "1digit-first": "project_id contains invalid characters",
		"short": "project_id must be at least 6 characters long", "my-google-project": "project_id contains prohibited words",
	} {
		_, err := w.projects().CreateProject(w.as(iam.Owner), &resourcemanagerpb.CreateProjectRequest{Project: &resourcemanagerpb.Project{ProjectId: id}})
		refused(t, err, codes.InvalidArgument, "field [project_id] has issue ["+issue+"]", "")
	}
}

// A project's life: changed, moved, deleted, brought back.
func TestProjectLife(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	c, name := w.projects(), "projects/acme-demo"
	op, err := c.UpdateProject(w.as(iam.Owner), &resourcemanagerpb.UpdateProjectRequest{
		Project: &resourcemanagerpb.Project{Name: name, DisplayName: "Other name", Labels: map[string]string{"x": "y"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	w.check(err)
	p := &resourcemanagerpb.Project{}
	w.check(op.GetResponse().UnmarshalTo(p))
	if p.GetDisplayName() != "Acme Demo" || p.GetLabels()["x"] != "y" {
		t.Errorf("updated: %v", p)
	}
	_, err = c.DeleteProject(w.as(iam.Viewer), &resourcemanagerpb.DeleteProjectRequest{Name: name})
	refused(t, err, codes.PermissionDenied, "resourcemanager.projects.delete", "IAM_PERMISSION_DENIED")
	_, err = c.DeleteProject(w.as(iam.Owner), &resourcemanagerpb.DeleteProjectRequest{Name: name})
	w.check(err)
	found := w.search(t, "state:ACTIVE")
	same(t, "active", found, []string{"acme-staging", "acme-tools"})
	same(t, "either", w.search(t, "state:DELETE_REQUESTED id:acme-t*"), []string{"acme-demo", "acme-tools"})
	_, err = c.DeleteProject(w.as(iam.Owner), &resourcemanagerpb.DeleteProjectRequest{Name: name})
	refused(t, err, codes.PermissionDenied, "Cannot delete an inactive project.", "")
	_, err = c.UndeleteProject(w.as(iam.Owner), &resourcemanagerpb.UndeleteProjectRequest{Name: name})
	w.check(err)
	same(t, "labelled", w.search(t, "labels.x:y"), []string{"acme-demo"})
}

func (w *world) search(t *testing.T, query string) []string {
	t.Helper()
	var ids []string
	for token := ""; ; { // in pages of one
		out, err := w.projects().SearchProjects(w.as(iam.Owner), &resourcemanagerpb.SearchProjectsRequest{Query: query, PageSize: 1, PageToken: token})
		w.check(err)
		for _, p := range out.GetProjects() {
			ids = append(ids, p.GetProjectId())
		}
		if token = out.GetNextPageToken(); token == "" {
			return ids
		}
	}
}

// A policy: who may see and set it, concurrent changes, what cannot be kept.
func TestProjectPolicy(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	c, name := w.projects(), "projects/acme-demo"
	now, err := c.GetIamPolicy(w.as(iam.Viewer), &iampb.GetIamPolicyRequest{Resource: name})
	w.check(err)
	set := func(ctx string, p *iampb.Policy) (*iampb.Policy, error) {
		return c.SetIamPolicy(w.as(ctx), &iampb.SetIamPolicyRequest{Resource: name, Policy: p})
	}
	add := func(role, member string) *iampb.Policy {
		return &iampb.Policy{Etag: now.GetEtag(), Bindings: append(now.GetBindings()[:2:2], &iampb.Binding{Role: role, Members: []string{member}})}
	}
	_, err = set(iam.Viewer, now)
	refused(t, err, codes.PermissionDenied, "Policy update access denied.", "")
	_, err = set(iam.Owner, add("roles/nothing", "user:"+iam.Viewer))
	refused(t, err, codes.InvalidArgument, "Role (roles/nothing) does not exist in the resource's hierarchy.", "")
	_, err = set(iam.Owner, add("roles/browser", "user:nobody@acme.example"))
	refused(t, err, codes.InvalidArgument, "User nobody@acme.example does not exist.", "")
	_, err = set(iam.Owner, add("roles/browser", "serviceAccount:absent@acme-demo.iam.gserviceaccount.com"))
	refused(t, err, codes.InvalidArgument, "Service account absent@acme-demo.iam.gserviceaccount.com does not exist.", "")
	_, err = set(iam.Owner, add("roles/browser", "allUsers"))
	refused(t, err, codes.InvalidArgument, "allUsers", "")
	conditional := add("roles/browser", "user:"+iam.Viewer)
	conditional.Version = 3
	conditional.Bindings[2].Condition = &expr.Expr{Expression: "false"}
	_, err = set(iam.Owner, conditional)
	refused(t, err, codes.InvalidArgument, "Conditions are not part of the sandbox", "")
	next, err := set(iam.Owner, add("roles/browser", "user:"+iam.Viewer))
	w.check(err)
	_, err = set(iam.Owner, add("roles/browser", "user:"+iam.Owner)) // the etag is the old one
	refused(t, err, codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.", "")
	if got, err := c.GetIamPolicy(w.as(iam.Owner), &iampb.GetIamPolicyRequest{Resource: name}); err != nil || string(got.GetEtag()) != string(next.GetEtag()) {
		t.Errorf("after a conflict: %v, %v", got, err)
	}
}

func TestProjectPermissions(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	ask := []string{"resourcemanager.projects.get", "resourcemanager.projects.setIamPolicy", "cloudkms.cryptoKeyVersions.useToSign", "container.clusters.create"}
	for who, want := range map[string][]string{
		iam.Owner: ask, iam.Viewer: ask[:1], "user:stranger@elsewhere.example": nil,
	} {
		got, err := w.projects().TestIamPermissions(w.as(who), &iampb.TestIamPermissionsRequest{Resource: "projects/acme-demo", Permissions: ask})
		w.check(err)
		same(t, who, got.GetPermissions(), want)
	}
	for _, p := range []string{"resourcemanager.projects.create", "resourcemanager.projects.list", "nothing.at.all", "cloudkms.*"} {
		_, err := w.projects().TestIamPermissions(w.as(iam.Owner), &iampb.TestIamPermissionsRequest{Resource: "projects/acme-demo", Permissions: []string{p}})
		refused(t, err, codes.InvalidArgument, "Permission "+p+" is not valid for this resource.", "")
	}
	_, err := w.projects().TestIamPermissions(w.as(iam.Owner), &iampb.TestIamPermissionsRequest{Resource: "projects/absent", Permissions: ask})
	refused(t, err, codes.PermissionDenied, "", "")
}

// A call can be counted against a project of the caller's choice.
func TestQuotaProject(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	get := func(who, quota string) error {
		_, err := w.projects().GetProject(w.as(who, "x-goog-user-project", quota), &resourcemanagerpb.GetProjectRequest{Name: "projects/acme-demo"})
		return err
	}
	refused(t, get(iam.Viewer, "acme-staging"), codes.PermissionDenied, "Caller does not have required permission to use project acme-staging.", "USER_PROJECT_DENIED")
	refused(t, get(iam.Owner, "absent-project"), codes.PermissionDenied, "Caller does not have required permission to use project absent-project.", "USER_PROJECT_DENIED")
	refused(t, get(iam.Owner, "acme-staging"), codes.PermissionDenied, "Cloud Resource Manager API has not been used in project", "SERVICE_DISABLED")
	w.check(w.iam.Enable("acme-staging", iam.Manager))
	w.check(get(iam.Owner, "acme-staging"))
}

// What a setup like the guide's asks for can all be asked of a project; its owner has
// it all, and its editor what an editor has.
func TestPreflightPermissions(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.bind("roles/editor", "user:"+iam.Viewer)
	ask := strings.Fields(`serviceusage.services.enable serviceusage.services.get serviceusage.services.list serviceusage.services.use
		cloudkms.keyRings.create cloudkms.keyRings.get cloudkms.cryptoKeys.create cloudkms.cryptoKeys.get cloudkms.cryptoKeyVersions.get
		cloudkms.cryptoKeyVersions.list cloudkms.cryptoKeyVersions.viewPublicKey cloudkms.cryptoKeyVersions.useToSign cloudkms.cryptoKeyVersions.update
		cloudkms.cryptoKeyVersions.destroy artifactregistry.repositories.create artifactregistry.repositories.get artifactregistry.repositories.delete
		artifactregistry.repositories.uploadArtifacts artifactregistry.repositories.downloadArtifacts artifactregistry.repositories.getIamPolicy
		artifactregistry.repositories.setIamPolicy iam.serviceAccounts.create iam.serviceAccounts.get iam.serviceAccounts.delete iam.serviceAccounts.actAs
		resourcemanager.projects.get resourcemanager.projects.getIamPolicy resourcemanager.projects.setIamPolicy container.clusters.create
		container.clusters.get container.clusters.delete container.clusters.connect container.operations.get compute.networks.get`)
	missing := func(who string) []string {
		got, err := w.projects().TestIamPermissions(w.as(who), &iampb.TestIamPermissionsRequest{Resource: "projects/acme-demo", Permissions: ask})
		w.check(err)
		return slices.DeleteFunc(slices.Clone(ask), func(p string) bool { return slices.Contains(got.GetPermissions(), p) })
	}
	same(t, "the owner lacks", missing(iam.Owner), nil)
	same(t, "an editor lacks", missing(iam.Viewer), []string{
		"cloudkms.cryptoKeyVersions.viewPublicKey", "cloudkms.cryptoKeyVersions.useToSign", "cloudkms.cryptoKeyVersions.destroy",
		"artifactregistry.repositories.setIamPolicy", "resourcemanager.projects.setIamPolicy"})
}
