package gke

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"

	"github.com/signgate/signgate/sandbox/admin"
	"github.com/signgate/signgate/sandbox/iam"
)

// adminCall makes one call of IAM's own API as the owner.
func adminCall(t testing.TB, k *iam.IAM, method, path, body string) {
	t.Helper()
	svc, err := admin.New(k)
	check(t, err)
	t.Cleanup(func() { svc.Close() })
	handlers, err := svc.Handlers()
	check(t, err)
	check(t, k.Enable(project, iam.Admin))
	token, _ := k.Mint("user:"+iam.Owner, []string{cloudPlatform}, time.Hour)
	r := httptest.NewRequest(method, "https://"+iam.Admin+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	handlers[iam.Admin].ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		text, _ := io.ReadAll(w.Body)
		t.Fatalf("%s %s: %d %s", method, path, w.Code, text)
	}
}

const accountsPath = "/v1/projects/" + project + "/serviceAccounts"

// makeAccount makes a service account and returns its e-mail address.
func makeAccount(t testing.TB, k *iam.IAM, id string) string {
	t.Helper()
	adminCall(t, k, "POST", accountsPath, `{"accountId":"`+id+`"}`)
	return id + "@" + project + ".iam.gserviceaccount.com"
}

// bind gives a member a role on a resource, besides what its policy has.
func bind(t testing.TB, k *iam.IAM, resource, role, member string) {
	t.Helper()
	p := k.Policy(resource)
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
	_, err := k.SetPolicy(resource, p, nil)
	check(t, err)
}
