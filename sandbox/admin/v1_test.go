package admin_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/signgate/signgate/sandbox/iam"
)

const manager = iam.Manager

// at is a value in an answer: "error.message", "projects.0.projectId".
func at(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i := 0
			fmt.Sscan(name, &i)
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// The first version of Resource Manager shows the same projects in other messages.
func TestV1Projects(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	want := func(who, method, path, body string, status int, pairs ...any) map[string]any {
		t.Helper()
		code, got := w.rest(who, method, manager+path, body)
		if code != status {
			t.Errorf("%s %s: %d, want %d: %v", method, path, code, status, got)
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if have := at(got, pairs[i].(string)); have != pairs[i+1] {
				t.Errorf("%s %s: %s is %v, want %v", method, path, pairs[i], have, pairs[i+1])
			}
		}
		return got
	}
	org := strings.TrimPrefix(w.iam.Organization().Name, "organizations/")
	p, _ := w.iam.Project("acme-demo")
	want(iam.Owner, "GET", "/v1/projects/"+p.Number, "", 200, "projectId", "acme-demo", "projectNumber", p.Number, "lifecycleState", "ACTIVE",
		"name", "Acme Demo", "parent.type", "organization", "parent.id", org)
	want(iam.Owner, "GET", "/v1/projects/absent", "", 403, "error.message", "The caller does not have permission", "error.status", "PERMISSION_DENIED")
	want(iam.Owner, "GET", "/v1/projects?filter=lifecycleState:ACTIVE%20id:acme-t*", "", 200, "projects.0.projectId", "acme-tools", "projects.1", nil)
	want("user:stranger@elsewhere.example", "GET", "/v1/projects", "", 200, "projects", nil)
	want(iam.Owner, "GET", "/v1/projects?pageSize=2", "", 200, "projects.1.projectId", "acme-staging", "projects.2", nil)
	want(iam.Viewer, "POST", "/v1/projects", `{"projectId":"made-by-v1"}`, 403, "error.message", "The caller does not have permission")
	op := want(iam.Owner, "POST", "/v1/projects", `{"projectId":"made-by-v1","name":"Made","labels":{"a":"b"}}`, 200, "done", nil)
	want(iam.Owner, "GET", "/v1/"+at(op, "name").(string), "", 200, "done", true, "response.projectId", "made-by-v1",
		"response.@type", "type.googleapis.com/google.cloudresourcemanager.v1.Project", "metadata.ready", true)
	want(iam.Owner, "GET", "/v3/"+at(op, "name").(string), "", 200, "done", true, "response.@type", "type.googleapis.com/google.cloud.resourcemanager.v3.Project")
	want(iam.Owner, "POST", "/v1/projects", `{"projectId":"made-by-v1"}`, 409, "error.status", "ALREADY_EXISTS", "error.message", "Requested entity already exists")
	want(iam.Owner, "POST", "/v1/projects", `{"projectId":"made-with-a-name","parent":{"type":"organization","id":"organizations/`+org+`"}}`, 200)
	want(iam.Owner, "GET", "/v1/projects/made-with-a-name", "", 200, "parent.type", "organization", "parent.id", org)
	want(iam.Owner, "PUT", "/v1/projects/made-by-v1", `{"name":"Renamed"}`, 200, "name", "Renamed", "labels", nil)
	want(iam.Owner, "POST", "/v1/projects/made-by-v1:getAncestry", `{}`, 200, "ancestor.0.resourceId.id", "made-by-v1", "ancestor.1.resourceId.id", org)
	want(iam.Owner, "POST", "/v1/projects/made-by-v1:testIamPermissions", `{"permissions":["resourcemanager.projects.get"]}`, 200, "permissions.0", "resourcemanager.projects.get")
	policy := want(iam.Owner, "POST", "/v1/projects/made-by-v1:getIamPolicy", "", 200, "bindings.0.role", "roles/owner", "version", 1.0)
	set := `{"policy":{"etag":"` + at(policy, "etag").(string) + `","bindings":[{"role":"roles/owner","members":["user:` + iam.Owner + `"]},{"role":"roles/viewer","members":["user:` + iam.Viewer + `"]}]}}`
	want(iam.Viewer, "POST", "/v1/projects/made-by-v1:setIamPolicy", set, 403, "error.message", "Policy update access denied.")
	want(iam.Owner, "POST", "/v1/projects/made-by-v1:setIamPolicy", set, 200, "bindings.1.role", "roles/viewer")
	want(iam.Owner, "POST", "/v1/projects/made-by-v1:setIamPolicy", set, 409, "error.status", "ABORTED")
	want(iam.Viewer, "DELETE", "/v1/projects/made-by-v1", "", 403)
	want(iam.Owner, "DELETE", "/v1/projects/made-by-v1", "", 200)
	want(iam.Owner, "GET", "/v1/projects/made-by-v1", "", 200, "lifecycleState", "DELETE_REQUESTED")
	want(iam.Owner, "POST", "/v1/projects/made-by-v1:undelete", "{}", 200)
	want(iam.Owner, "POST", "/v1/organizations:search", "{}", 200, "organizations.0.name", "organizations/"+org)
	want(iam.Owner, "POST", "/v1/projects/made-by-v1:dance", "{}", 404, "error.message", "Method not found.")
	want(iam.Owner, "PATCH", "/v1/projects/made-by-v1", "{}", 404)
	want(iam.Owner, "POST", "/v1/projects", `{"projectId":5}`, 400, "error.status", "INVALID_ARGUMENT")
	want(iam.Owner, "POST", "/v1/projects", `{"colour":"red"}`, 400, "error.message", `Invalid JSON payload received. Unknown name "colour" at 'project': Cannot find field.`)
}

// What is wrong with a request is said in the words, and with the details, of all hosts.
func TestV1Words(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	const project = "/v1/projects/acme-demo"
	for _, c := range []struct{ method, path, body, field, words string }{
		{"POST", "/v1/projects", `{"projectId":5}`, "project.project_id", `Invalid value at 'project.project_id' (TYPE_STRING), 5`},
		{"PUT", project, `{"parent":{"kind":"folder"}}`, "project.parent", `Invalid JSON payload received. Unknown name "kind" at 'project.parent': Cannot find field.`},
		{"POST", project + ":setIamPolicy", `{"policy":{"bindingz":[]}}`, "policy", `Invalid JSON payload received. Unknown name "bindingz" at 'policy': Cannot find field.`},
		{"POST", project + ":undelete", `{"now":true}`, "", `Invalid JSON payload received. Unknown name "now": Cannot find field.`},
		{"GET", "/v1/projects?bogus=1", "", "", `Invalid JSON payload received. Unknown name "bogus": Cannot bind query parameter. Field 'bogus' could not be found in request message.`},
		{"DELETE", project + "?etag=x", "", "", `Invalid JSON payload received. Unknown name "etag": Cannot bind query parameter. Field 'etag' could not be found in request message.`},
	} {
		code, got := w.rest(iam.Owner, c.method, manager+c.path, c.body)
		field, _ := at(got, "error.details.0.fieldViolations.0.field").(string)
		if code != 400 || at(got, "error.message") != c.words || field != c.field || at(got, "error.details.0.fieldViolations.0.description") != c.words {
			t.Errorf("%s %s: %d %v, want %q at %q", c.method, c.path, code, got, c.words, c.field)
		}
	}
	if code, got := w.rest(iam.Owner, "PUT", manager+project, `{"name":"Snake","project_id":"acme-demo","lifecycleState":"ACTIVE","labels":{"a":"b"}}`); code != 200 || at(got, "labels.a") != "b" {
		t.Errorf("%d %v", code, got)
	}
}

// An update is made whole or not at all.
func TestV1UpdateRefused(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	before, _ := w.iam.Project("acme-demo")
	for _, body := range []string{
		`{"name":"x","parent":{"type":"folder","id":"77"}}`,
		`{"name":"Some Name","labels":{"Upper":"x"},"parent":{"type":"folder","id":"77"}}`,
		`{"name":"Some Name","parent":{"type":"organization","id":"1/2"}}`,
	} {
		if code, got := w.rest(iam.Owner, "PUT", manager+"/v1/projects/acme-demo", body); code != 400 {
			t.Errorf("%s: %d %v", body, code, got)
		}
		if after, _ := w.iam.Project("acme-demo"); !reflect.DeepEqual(after, before) {
			t.Errorf("%s was refused and left %+v", body, after)
		}
	}
	code, got := w.rest(iam.Owner, "PUT", manager+"/v1/projects/acme-demo", `{"name":"Moved","parent":{"type":"folder","id":"77"}}`)
	if code != 200 || at(got, "parent.id") != "77" || at(got, "name") != "Moved" {
		t.Errorf("moved: %d %v", code, got)
	}
}

// It stands behind the same gate.
func TestV1Gate(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	code, got := w.rest(iam.Owner, "GET", manager+"/v1/projects/acme-demo", "", "X-Goog-User-Project", "acme-demo")
	if code != 403 || at(got, "error.details.0.reason") != "SERVICE_DISABLED" {
		t.Errorf("%d %v", code, got)
	}
	code, got = w.rest(iam.Owner, "GET", manager+"/v1/projects/acme-demo", "", "Authorization", "Bearer nonsense")
	if code != 401 || at(got, "error.status") != "UNAUTHENTICATED" {
		t.Errorf("%d %v", code, got)
	}
	last := w.iam.Journal().Calls()[w.iam.Journal().Total()-1]
	if last.Method != "/google.cloudresourcemanager.v1.Projects/GetProject" || last.Host != manager || last.Code != "Unauthenticated" {
		t.Errorf("journaled %+v", last)
	}
}

// REST as each host has it.
func TestREST(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	for _, c := range []struct {
		method, address, body string
		status                int
		path                  string
		want                  any
	}{
		{"GET", iam.Billing + "/v1/projects/acme-staging/billingInfo", "", 200, "billingAccountName", ""},
		{"GET", iam.Billing + "/v1/projects/acme-staging/billingInfo", "", 200, "billingEnabled", false},
		{"GET", iam.Admin + "/v1/projects/acme-demo/serviceAccounts/a@b", "", 404, "error.errors.0.reason", "notFound"},
		{"POST", iam.Admin + "/v1/projects/acme-demo/serviceAccounts", `{"accountId":"worker"}`, 200, "projectId", "acme-demo"},
		{"PATCH", iam.Admin + "/v1/projects/acme-demo/serviceAccounts/worker@acme-demo.iam.gserviceaccount.com", `{"serviceAccount":{"displayName":"W"},"updateMask":"display_name"}`, 200, "displayName", "W"},
		{"GET", iam.Usage + "/v1/projects/acme-demo/services/serviceusage.googleapis.com", "", 200, "state", "ENABLED"},
		{"GET", iam.Admin + "/v1/roles?showDeleted=False&pageSize=1&view=FULL", "", 200, "roles.0.stage", "GA"},
		{"GET", manager + "/v3/projects:search?query=id:acme-demo", "", 200, "projects.0.projectId", "acme-demo"},
		{"PATCH", manager + "/v3/projects/acme-demo?updateMask=display_name", `{"displayName":"Other"}`, 200, "response.displayName", "Other"},
		{"POST", manager + "/v3/projects/acme-demo:getIamPolicy", "{}", 200, "bindings.0.role", "roles/owner"},
	} {
		code, got := w.rest(iam.Owner, c.method, c.address, c.body)
		if code != c.status || at(got, c.path) != c.want {
			t.Errorf("%s %s: %d, %s = %v; want %d, %v: %v", c.method, c.address, code, c.path, at(got, c.path), c.status, c.want, got)
		}
	}
}
