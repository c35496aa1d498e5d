package admin_test

import (
	"testing"

	"github.com/signgate/signgate/sandbox/iam"
)

// Who changes a role or a project that another has changed meanwhile is told so. An etag
// of another world counts as none.
func TestEtags(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	call := func(method, address, body string, want int) map[string]any {
		t.Helper()
		code, got := w.rest(iam.Owner, method, address, body)
		if code != want || want == 409 && at(got, "error.status") != "ABORTED" {
			t.Errorf("%s %s %s: %d, want %d: %v", method, address, body, code, want, got)
		}
		return got
	}
	const role = iam.Admin + "/v1/projects/acme-demo/roles/looker"
	first := call("POST", iam.Admin+"/v1/projects/acme-demo/roles", `{"roleId":"looker","role":{"title":"A","includedPermissions":["iam.roles.get"]}}`, 200)["etag"].(string)
	call("PATCH", role, `{"title":"none"}`, 200)
	stale := call("PATCH", role+"?updateMask=title", `{"title":"stale","etag":"`+first+`"}`, 409)
	if got := at(stale, "error.message"); got != "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff." {
		t.Errorf("refused with %q", got)
	}
	call("PATCH", role+"?updateMask=title", `{"title":"elsewhere","etag":"abcdef0123A="}`, 200)
	now := call("GET", role, "", 200)["etag"].(string)
	now = call("PATCH", role, `{"title":"present","etag":"`+now+`"}`, 200)["etag"].(string)
	call("DELETE", role+"?etag="+first, "", 409)
	call("DELETE", role+"?etag="+now, "", 200)
	call("POST", role+":undelete", `{"etag":"`+now+`"}`, 409)
	call("POST", role+":undelete", `{}`, 200)

	const project = manager + "/v3/projects/acme-demo"
	first = call("GET", project, "", 200)["etag"].(string)
	w.pass(1e9)
	call("PATCH", project+"?updateMask=labels", `{"labels":{"a":"b"},"etag":"`+first+`"}`, 200)
	call("PATCH", project+"?updateMask=labels", `{"labels":{"a":"c"},"etag":"`+first+`"}`, 409)
	call("PATCH", project+"?updateMask=labels", `{"labels":{"a":"d"},"etag":"W/\"0123456789abcdef\""}`, 200)
	if got := at(call("GET", project, "", 200), "labels.a"); got != "d" {
		t.Errorf("the label is %v", got)
	}
}
