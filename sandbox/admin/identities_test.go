package admin_test

import (
	"strings"
	"testing"

	"github.com/signgate/signgate/sandbox/iam"
)

// The identity of a service is made by v1beta1 alone, is always the same, and can be
// given a role.
func TestServiceIdentity(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	p, _ := w.iam.Project("acme-demo")
	generate := func(who, project, service string) (int, map[string]any) {
		return w.rest(who, "POST", iam.Usage+"/v1beta1/projects/"+project+"/services/"+service+":generateServiceIdentity?alt=json", "")
	}
	for service, local := range map[string]string{
		"pubsub": "service-N@gcp-sa-pubsub", "cloudkms": "service-N@gcp-sa-cloudkms", "artifactregistry": "service-N@gcp-sa-artifactregistry",
		"container": "service-N@container-engine-robot", "sqladmin": "service-N@gcp-sa-cloud-sql", "bigquery": "bq-N@bigquery-encryption",
	} {
		code, got := generate(iam.Owner, p.Number, service+".googleapis.com")
		want := strings.Replace(local, "N", p.Number, 1) + ".iam.gserviceaccount.com"
		if code != 200 || at(got, "done") != true || at(got, "response.email") != want || at(got, "name") != "operations/finished.DONE_OPERATION" ||
			at(got, "response.@type") != "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity" {
			t.Errorf("%s: %d %v, want %s", service, code, got, want)
		}
		_, again := generate(iam.Owner, "acme-demo", service+".googleapis.com")
		if id, _ := at(got, "response.uniqueId").(string); len(id) != 21 || at(again, "response.uniqueId") != id {
			t.Errorf("%s: %v, and again %v", service, got, again)
		}
		code, got = w.rest(iam.Owner, "POST", manager+"/v1/projects/acme-demo:setIamPolicy",
			`{"policy":{"bindings":[{"role":"roles/owner","members":["user:`+iam.Owner+`"]},{"role":"roles/viewer","members":["user:`+iam.Viewer+`","serviceAccount:`+want+`"]}]}}`)
		if code != 200 {
			t.Errorf("a role for %s: %d %v", want, code, got)
		}
	}
	last := func() string { return w.iam.Journal().Calls()[w.iam.Journal().Total()-1].Method }
	if code, got := generate(iam.Owner, "acme-demo", "sts.googleapis.com"); code != 200 || at(got, "response.email") != nil || last() != iam.IdentityRule().Method {
		t.Errorf("a service without one: %d %v, journaled %s", code, got, last())
	}
	if code, got := generate(iam.Owner, "acme-demo", "nothing.googleapis.com"); code != 403 || at(got, "error.details.1.reason") != "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED" {
		t.Errorf("no such service: %d %v", code, got)
	}
	if code, got := generate(iam.Viewer, "acme-demo", "pubsub.googleapis.com"); code != 403 || at(got, "error.details.1.reason") != "AUTH_PERMISSION_DENIED" {
		t.Errorf("a viewer: %d %v", code, got)
	}
	if code, got := w.rest(iam.Owner, "POST", iam.Usage+"/v1/projects/acme-demo/services/pubsub.googleapis.com:generateServiceIdentity", ""); code != 404 {
		t.Errorf("v1: %d %v", code, got)
	}
}
