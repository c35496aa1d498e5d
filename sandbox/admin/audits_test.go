package admin_test

import (
	"testing"

	"github.com/signgate/signgate/sandbox/iam"
)

// Audit configurations are kept with a policy where the mask names them, grant nothing,
// and change its etag.
func TestAuditConfigs(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	const bindings = `"bindings":[{"role":"roles/owner","members":["user:owner@acme.example"]}]`
	set := func(audits, mask string) (int, map[string]any) {
		return w.rest(iam.Owner, "POST", manager+"/v1/projects/acme-demo:setIamPolicy", `{"policy":{`+bindings+`,"auditConfigs":[`+audits+`]}`+mask+`}`)
	}
	get := func() map[string]any {
		code, got := w.rest(iam.Owner, "POST", manager+"/v1/projects/acme-demo:getIamPolicy", "{}")
		if code != 200 {
			t.Fatalf("%d %v", code, got)
		}
		return got
	}
	const all = `,"updateMask":"bindings,etag,auditConfigs"`
	const config = `{"service":"allServices","auditLogConfigs":[{"logType":"ADMIN_READ"},{"logType":"DATA_READ","exemptedMembers":["user:viewer@acme.example"]}]}`
	if code, got := set(config, ""); code != 200 || at(got, "auditConfigs") != nil {
		t.Errorf("without a mask: %d %v", code, got)
	}
	before := get()
	code, got := set(config, all)
	if code != 200 || at(got, "auditConfigs.0.service") != "allServices" || at(got, "auditConfigs.0.auditLogConfigs.1.exemptedMembers.0") != "user:viewer@acme.example" {
		t.Errorf("%d %v", code, got)
	}
	if after := get(); after["etag"] == before["etag"] || at(after, "auditConfigs.0.auditLogConfigs.0.logType") != "ADMIN_READ" {
		t.Errorf("%v became %v", before, after)
	}
	if code, got := w.rest(iam.Viewer, "GET", manager+"/v1/projects/acme-demo", ""); code != 403 {
		t.Errorf("who is exempted may look: %d %v", code, got)
	}
	if code, got := set("", ""); code != 200 || at(got, "auditConfigs.0.service") != "allServices" {
		t.Errorf("bindings alone: %d %v", code, got)
	}
	for _, bad := range []string{`{"auditLogConfigs":[{"logType":"DATA_READ"}]}`, `{"service":"a.googleapis.com","auditLogConfigs":[{}]}`,
		`{"service":"a.googleapis.com","auditLogConfigs":[{"logType":"ALL"}]}`, `{"service":"a.googleapis.com","auditLogConfigs":[{"logType":9}]}`,
		`{"service":"a.googleapis.com","auditLogConfigs":[{"logType":"DATA_READ","exemptedMembers":["nobody"]}]}`} {
		if code, got := set(bad, all); code != 400 {
			t.Errorf("%s: %d %v", bad, code, got)
		}
	}
	if code, got := set("", all); code != 200 || at(got, "auditConfigs") != nil {
		t.Errorf("taken out: %d %v", code, got)
	}
}
