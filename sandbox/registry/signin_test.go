package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/signgate/signgate/sandbox/admin"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

// TestKeyFile: a service account signs in with the file of its key, until the key is gone.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	api, err := admin.New(w.iam)
	check(t, err)
	hosts, err := api.Handlers()
	check(t, err)
	for host, h := range hosts {
		w.Handle(host, h)
	}
	t.Cleanup(func() { api.Close() })
	check(t, w.iam.Enable(project, "iam.googleapis.com"))
	check(t, crane.Copy("hello-world", containers+"/hello:v1", w.crane(iam.Owner)...))
	call := func(method, path, body string) string {
		resp, text := w.ask(t, method, "https://iam.googleapis.com/v1/"+path, w.bearer(iam.Owner), "application/json", body)
		if resp.StatusCode != 200 {
			t.Fatalf("%s %s: %s", method, path, text)
		}
		return text
	}
	const email = "robot-1@" + project + ".iam.gserviceaccount.com"
	call("POST", "projects/"+project+"/serviceAccounts", `{"accountId":"robot-1"}`)
	w.grant(t, "roles/artifactregistry.reader", "serviceAccount:"+email)
	var key struct{ Name, PrivateKeyData string }
	check(t, json.Unmarshal([]byte(call("POST", "projects/"+project+"/serviceAccounts/"+email+"/keys", "{}")), &key))
	file, err := base64.StdEncoding.DecodeString(key.PrivateKeyData)
	check(t, err)
	as := func(user, password string) error {
		_, err := crane.Manifest(containers+"/hello:v1", crane.WithTransport(w.transport()), crane.WithAuth(authn.FromConfig(authn.AuthConfig{Username: user, Password: password})))
		return err
	}
	check(t, as("_json_key", string(file)))
	check(t, as("_json_key_base64", key.PrivateKeyData))
	for _, wrong := range []struct{ user, password string }{
		{"_json_key", "{}"}, {"_json_key", "no JSON"}, {"_json_key_base64", "%"}, {"robot", string(file)},
		{"_json_key", strings.Replace(string(file), "robot-1@", "another@", 1)},
	} {
		if err := as(wrong.user, wrong.password); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED: authentication failed") {
			t.Errorf("%s %.20s: %v", wrong.user, wrong.password, err)
		}
	}
	call("DELETE", key.Name, "")
	if err := as("_json_key", string(file)); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED: authentication failed") {
		t.Errorf("with a key that is gone: %v", err)
	}
}
