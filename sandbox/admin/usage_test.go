package admin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
)

const kms, gke, compute = "cloudkms.googleapis.com", "container.googleapis.com", "compute.googleapis.com"

func (w *world) usage() serviceusagepb.ServiceUsageClient {
	return serviceusagepb.NewServiceUsageClient(w.conn(iam.Usage))
}

// enabled are the APIs that are on, as a client lists them.
func (w *world) enabled(project string) []string {
	w.t.Helper()
	var names []string
	for token := ""; ; {
		out, err := w.usage().ListServices(w.as(iam.Viewer), &serviceusagepb.ListServicesRequest{Parent: "projects/" + project, Filter: "state:ENABLED", PageSize: 5, PageToken: token})
		w.check(err)
		for _, s := range out.GetServices() {
			names = append(names, s.GetConfig().GetName())
		}
		if token = out.GetNextPageToken(); token == "" {
			return names
		}
	}
}

func subject(err error) (kind, subject string) {
	for _, d := range status.Convert(err).Details() {
		if p, ok := d.(*errdetails.PreconditionFailure); ok {
			return p.GetViolations()[0].GetType(), p.GetViolations()[0].GetSubject()
		}
	}
	return "", ""
}

// A batch is switched on as a whole, with what it needs, when its operation is done.
func TestEnable(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{Latency: iam.Latency{EnableService: 5 * time.Second}})
	ask := &serviceusagepb.BatchEnableServicesRequest{Parent: "projects/acme-demo", ServiceIds: []string{kms, gke}}
	_, err := w.usage().BatchEnableServices(w.as(iam.Viewer), ask)
	refused(t, err, codes.PermissionDenied, "Permission denied to enable service ["+kms+"]\nHelp Token: ", "AUTH_PERMISSION_DENIED")
	if kind, what := subject(err); kind != "googleapis.com" || !strings.Contains(what, "110002") {
		t.Errorf("violation %q, %q", kind, what)
	}
	op, err := w.usage().BatchEnableServices(w.as(iam.Owner), ask)
	w.check(err)
	if op.GetDone() || slices.Contains(w.enabled("acme-demo"), kms) || w.iam.Enabled("acme-demo", kms) {
		t.Error("an API is on before its time")
	}
	_, err = w.usage().EnableService(w.as(iam.Owner), &serviceusagepb.EnableServiceRequest{Name: "projects/acme-demo/services/" + iam.Admin})
	refused(t, err, codes.FailedPrecondition, "Another activation or deactivation is in progress", "")
	w.pass(5 * time.Second)
	op, err = longrunningpb.NewOperationsClient(w.conn(iam.Usage)).GetOperation(w.as(iam.Owner), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	w.check(err)
	answer := &serviceusagepb.BatchEnableServicesResponse{}
	w.check(op.GetResponse().UnmarshalTo(answer))
	if !op.GetDone() || len(answer.GetServices()) != 2 || answer.GetServices()[0].GetState() != serviceusagepb.State_ENABLED {
		t.Errorf("the operation answers %v", op)
	}
	on := w.enabled("acme-demo")
	for _, api := range []string{kms, gke, compute, "oslogin.googleapis.com"} {
		if !slices.Contains(on, api) || !w.iam.Enabled("acme-demo", api) {
			t.Errorf("%s is not on", api)
		}
	}
	op, err = w.usage().EnableService(w.as(iam.Owner), &serviceusagepb.EnableServiceRequest{Name: "projects/acme-demo/services/" + kms})
	w.check(err)
	if !op.GetDone() || op.GetName() != "operations/noop.DONE_OPERATION" {
		t.Errorf("switched on again: %v", op)
	}
	_, err = longrunningpb.NewOperationsClient(w.conn(iam.Usage)).GetOperation(w.as(iam.Owner), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	refused(t, err, codes.PermissionDenied, "", "")
}

// What costs needs an account that pays; nothing of a batch is switched on without.
func TestEnableUnpaid(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	p, _ := w.iam.Project("acme-staging")
	ask := &serviceusagepb.BatchEnableServicesRequest{Parent: "projects/acme-staging", ServiceIds: []string{iam.Admin, kms}}
	_, err := w.usage().BatchEnableServices(w.as(iam.Owner), ask)
	refused(t, err, codes.FailedPrecondition, "Billing account for project '"+p.Number+"' is not found. Billing must be enabled for activation of service(s) '"+kms+"' to proceed.", "UREQ_PROJECT_BILLING_NOT_FOUND")
	if kind, what := subject(err); kind != "googleapis.com/billing-enabled" || what != "?error_code=390001&project="+p.Number+"&services="+kms {
		t.Errorf("violation %q, %q", kind, what)
	}
	if w.iam.Enabled("acme-staging", iam.Admin) {
		t.Error("half a batch is on")
	}
	q, _ := w.iam.Project("acme-demo")
	w.check(w.iam.CloseBillingAccount(q.BillingAccount))
	ask.Parent = "projects/acme-demo"
	_, err = w.usage().BatchEnableServices(w.as(iam.Owner), ask)
	refused(t, err, codes.FailedPrecondition, "is not open. Billing must be enabled", "UREQ_PROJECT_BILLING_NOT_OPEN")
}

func TestEnableRefused(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	enable := func(parent string, ids ...string) error {
		_, err := w.usage().BatchEnableServices(w.as(iam.Owner), &serviceusagepb.BatchEnableServicesRequest{Parent: parent, ServiceIds: ids})
		return err
	}
	refused(t, enable("projects/acme-demo", "nothing.googleapis.com", kms), codes.PermissionDenied, "Not found or permission denied for service(s): nothing.googleapis.com.", "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED")
	refused(t, enable("projects/absent-project", kms), codes.PermissionDenied, "Permission denied to enable service ["+kms+"]", "AUTH_PERMISSION_DENIED")
	refused(t, enable("projects/acme-demo"), codes.InvalidArgument, "", "SU_MISSING_NAMES")
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprintf("a%d.googleapis.com", i))
	}
	refused(t, enable("projects/acme-demo", many...), codes.InvalidArgument, "20", "SU_TOO_MANY_NAMES")
	_, err := w.usage().ListServices(w.as("user:stranger@elsewhere.example"), &serviceusagepb.ListServicesRequest{Parent: "projects/acme-demo"})
	p, _ := w.iam.Project("acme-demo")
	refused(t, err, codes.PermissionDenied, "Permission denied to list services for consumer container [projects/"+p.Number+"]", "AUTH_PERMISSION_DENIED")
}

// What another API needs stays on, unless that is to go too.
func TestDisable(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", gke, kms))
	ask := &serviceusagepb.DisableServiceRequest{Name: "projects/acme-demo/services/" + compute}
	_, err := w.usage().DisableService(w.as(iam.Owner), ask)
	refused(t, err, codes.FailedPrecondition, "The service "+compute+" is depended on by the following active service(s): "+gke+"; Please specify disable_dependent_services=true", "COMMON_SU_SERVICE_HAS_DEPENDENT_SERVICES")
	if _, what := subject(err); what != "?error_code=100001&service_name="+compute+"&services="+gke {
		t.Errorf("violation %q", what)
	}
	ask.DisableDependentServices = true
	_, err = w.usage().DisableService(w.as(iam.Owner), ask)
	w.check(err)
	on := w.enabled("acme-demo")
	if slices.Contains(on, compute) || slices.Contains(on, gke) || !slices.Contains(on, kms) {
		t.Errorf("on: %q", on)
	}
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	w.account("worker")
	lately := &serviceusagepb.DisableServiceRequest{Name: "projects/acme-demo/services/" + iam.Admin, CheckIfServiceHasUsage: serviceusagepb.DisableServiceRequest_CHECK}
	_, err = w.usage().DisableService(w.as(iam.Owner), lately)
	refused(t, err, codes.FailedPrecondition, "The service "+iam.Admin+" has usage in the last 30 days.", "COMMON_SU_SERVICE_HAS_USAGE")
	w.pass(31 * 24 * time.Hour)
	_, err = w.usage().DisableService(w.as(iam.Owner), lately)
	w.check(err)
	got, err := w.usage().BatchGetServices(w.as(iam.Viewer), &serviceusagepb.BatchGetServicesRequest{Parent: "projects/acme-demo",
		Names: []string{"projects/acme-demo/services/" + gke, "projects/acme-demo/services/" + kms}})
	w.check(err)
	if s := got.GetServices(); s[0].GetState() != serviceusagepb.State_DISABLED || s[1].GetState() != serviceusagepb.State_ENABLED {
		t.Errorf("states: %v", s)
	}
}
