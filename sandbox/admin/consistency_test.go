package admin_test

import (
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/sandbox/iam"
)

// As slow as Google Cloud: what has changed is not seen at once, and seen in the end.
func TestConsistency(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{Consistency: iam.Consistency{EnableService: time.Minute, NewAccount: 30 * time.Second, Policy: 2 * time.Minute}})
	op, err := w.usage().EnableService(w.as(iam.Owner), &serviceusagepb.EnableServiceRequest{Name: "projects/acme-demo/services/" + iam.Admin})
	w.check(err)
	list := func() error {
		_, err := w.accounts().ListServiceAccounts(w.as(iam.Owner), &adminpb.ListServiceAccountsRequest{Name: "projects/acme-demo"})
		return err
	}
	w.pass(59 * time.Second)
	refused(t, list(), codes.PermissionDenied, "If you enabled this API recently, wait a few minutes", "SERVICE_DISABLED")
	got, err := w.usage().GetService(w.as(iam.Owner), &serviceusagepb.GetServiceRequest{Name: "projects/acme-demo/services/" + iam.Admin})
	w.check(err)
	if got.GetState() != serviceusagepb.State_ENABLED {
		t.Errorf("after %v the API is %v", op, got.GetState())
	}
	w.pass(time.Second)
	w.check(list())

	a := w.account("worker")
	member := "serviceAccount:" + a.GetEmail()
	bind := func() error {
		p := w.iam.Policy("projects/acme-demo")
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: "roles/browser", Members: []string{member}})
		_, err := w.projects().SetIamPolicy(w.as(iam.Owner), &iampb.SetIamPolicyRequest{Resource: "projects/acme-demo", Policy: p})
		return err
	}
	refused(t, bind(), codes.InvalidArgument, "Service account "+a.GetEmail()+" does not exist.", "")
	if w.iam.Known(a.GetEmail()) {
		t.Error("the account is known at once")
	}
	w.pass(30 * time.Second)
	w.check(bind())
	see := func() error {
		_, err := w.projects().GetProject(w.as(member), &resourcemanagerpb.GetProjectRequest{Name: "projects/acme-demo"})
		return err
	}
	same(t, "the policy", w.members("roles/browser"), []string{member}) // it is there, not in effect
	refused(t, see(), codes.PermissionDenied, "", "IAM_PERMISSION_DENIED")
	w.pass(time.Minute)
	w.bind("roles/logging.logWriter", member) // another change does not hold up the first
	w.pass(time.Minute)
	w.check(see())

	w.bind("roles/owner", member)
	_, err = w.accounts().CreateServiceAccount(w.as(member), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: "another"})
	refused(t, err, codes.PermissionDenied, "iam.serviceAccounts.create", "IAM_PERMISSION_DENIED")
	w.iam.SetConsistency(iam.Consistency{}) // what was on its way is there
	w.account("another")
}
