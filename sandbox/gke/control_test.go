//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/signgate/signgate/sandbox/iam"
)

// inside is what a cluster's process has: its configuration, by which it asks the
// control server.
type inside struct {
	t testing.TB
	config
}

func (w *world) inside(t testing.TB, c *containerpb.Cluster) inside {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.folder(c.GetId()), "config.json"))
	check(t, err)
	in := inside{t: t}
	check(t, json.Unmarshal(data, &in.config))
	return in
}

// ask sends one request to the control server.
func (in inside) ask(method, path, body string, header http.Header) (int, http.Header, string) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, in.Control+path, bytes.NewReader([]byte(body)))
	check(in.t, err)
	req.Header.Set("Authorization", "Bearer "+in.ControlToken)
	for k, v := range header {
		req.Header[k] = v
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	check(in.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(in.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

func (in inside) review(path string, v any) map[string]any {
	in.t.Helper()
	body, err := json.Marshal(v)
	check(in.t, err)
	code, _, text := in.ask("POST", path, string(body), nil)
	if code != http.StatusOK {
		in.t.Fatalf("%s: %d %s", path, code, text)
	}
	var out struct {
		Kind   string         `json:"kind"`
		Status map[string]any `json:"status"`
	}
	check(in.t, json.Unmarshal([]byte(text), &out))
	return out.Status
}

func TestControlIsPrivate(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	in := w.inside(t, w.get(t, zone, "one"))
	old := in.ControlToken
	for _, token := range []string{"", "wrong", old[1:]} {
		in.ControlToken = token
		if code, _, _ := in.ask("POST", "/token-review", "{}", nil); code != http.StatusUnauthorized {
			t.Errorf("token %q: %d", token, code)
		}
	}
	op, err := w.DeleteCluster(w.ctx, &containerpb.DeleteClusterRequest{Name: zone + "/clusters/one"})
	check(t, err)
	w.done(t, zone, op)
	in.ControlToken = old
	if code, _, _ := in.ask("POST", "/token-review", "{}", nil); code != http.StatusUnauthorized {
		t.Errorf("the token outlives its cluster: %d", code)
	}
}

func TestTokenReview(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	in := w.inside(t, w.get(t, zone, "one"))
	account, disabled := w.newAccount(t, "robot-1"), w.newAccount(t, "robot-2")
	adminCall(t, w.k, "POST", accountsPath+"/"+disabled.Email+":disable", "{}")
	email := []string{cloudPlatform, emailScope}
	mint := func(member string, scopes []string, life time.Duration) string {
		token, _ := w.k.Mint(member, scopes, life)
		return token
	}
	for _, test := range []struct{ name, token, user, uid string }{
		{"a person", mint("user:"+iam.Owner, email, time.Hour), iam.Owner, ""},
		{"an account", mint(account.Member(), email, time.Hour), account.Email, account.UniqueID},
		{"an account whose token does not show its address", mint(account.Member(), []string{cloudPlatform}, time.Hour), account.UniqueID, account.UniqueID},
		{"an account that is disabled", mint(disabled.Member(), email, time.Hour), "", ""},
		{"an old token", mint("user:"+iam.Owner, email, -time.Second), "", ""},
		{"a token of Kubernetes", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "", ""},
		{"nothing", "", "", ""},
	} {
		s := in.review("/token-review", map[string]any{"spec": map[string]any{"token": test.token}})
		user, _ := s["user"].(map[string]any)
		if s["authenticated"] != (test.user != "") || test.user != "" && user["username"] != test.user || test.uid != "" && user["uid"] != test.uid {
			t.Errorf("%s: %v", test.name, s)
		}
		if test.user != "" && len(user["groups"].([]any)) != 1 || test.user == "" && s["error"] == nil {
			t.Errorf("%s: %v", test.name, s)
		}
	}
}

func TestAccessReview(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	in := w.inside(t, w.get(t, zone, "one"))
	developer := w.newAccount(t, "developer")
	bind(t, w.k, "projects/"+project, "roles/container.developer", developer.Member())
	for _, test := range []struct {
		user, verb, group, resource, sub string
		denied                           string // permission that is asked for; "" for allowed
	}{
		{iam.Owner, "create", "apps", "deployments", "", ""},
		{iam.Owner, "patch", "rbac.authorization.k8s.io", "clusterrolebindings", "", ""},
		{iam.Owner, "escalate", "rbac.authorization.k8s.io", "clusterroles", "", ""},
		{iam.Owner, "create", "policy.sigstore.dev", "clusterimagepolicies", "", ""},
		{iam.Owner, "update", "policy.sigstore.dev", "clusterimagepolicies", "status", ""},
		{iam.Owner, "watch", "", "secrets", "", ""},
		{iam.Owner, "deletecollection", "", "pods", "", ""},
		{iam.Owner, "create", "", "pods", "exec", ""},
		{iam.Owner, "get", "", "pods", "log", ""},
		{iam.Owner, "update", "apps", "deployments", "scale", ""},
		{iam.Owner, "create", "", "serviceaccounts", "token", ""},
		{iam.Owner, "create", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", ""},
		{iam.Owner, "create", "apiextensions.k8s.io", "customresourcedefinitions", "", ""},
		{iam.Owner, "update", "coordination.k8s.io", "leases", "", ""},
		{iam.Owner, "create", "policy", "poddisruptionbudgets", "", ""},
		{iam.Owner, "impersonate", "", "users", "", ""},
		{iam.Owner, "*", "*", "*", "", ""},
		{iam.Owner, "impersonate", "", "*", "", ""},
		{iam.Viewer, "list", "apps", "deployments", "", ""},
		{iam.Viewer, "get", "", "pods", "log", ""},
		{iam.Viewer, "create", "apps", "deployments", "", "container.deployments.create"},
		{iam.Viewer, "get", "", "secrets", "", "container.secrets.get"},
		{iam.Viewer, "create", "", "pods", "exec", "container.pods.exec"},
		{iam.Viewer, "create", "", "pods", "portforward", "container.pods.portForward"},
		{iam.Viewer, "create", "", "pods", "eviction", "container.pods.evict"},
		{iam.Viewer, "patch", "apps", "deployments", "scale", "container.deployments.updateScale"},
		{iam.Viewer, "patch", "", "namespaces", "status", "container.namespaces.updateStatus"},
		{iam.Viewer, "update", "policy.sigstore.dev", "clusterimagepolicies", "", "container.thirdPartyObjects.update"},
		{iam.Viewer, "delete", "discovery.k8s.io", "endpointslices", "", "container.endpointSlices.delete"},
		{iam.Viewer, "*", "*", "*", "", "container.configMaps.get"},
		{iam.Viewer, "impersonate", "", "*", "", "container.clusters.impersonate"},
		{"nobody@example.com", "escalate", "*", "*", "", "container.thirdPartyObjects.escalate"},
		{developer.Email, "create", "apps", "deployments", "", ""},
		{developer.UniqueID, "create", "apps", "deployments", "", ""},
		{developer.Email, "create", "rbac.authorization.k8s.io", "roles", "", "container.roles.create"},
		{developer.UniqueID, "create", "rbac.authorization.k8s.io", "clusterroles", "", "container.clusterRoles.create"},
		{"nobody@example.com", "list", "", "pods", "", "container.pods.list"},
	} {
		s := in.review("/access-review", map[string]any{"spec": map[string]any{"user": test.user,
			"resourceAttributes": map[string]any{"verb": test.verb, "group": test.group, "resource": test.resource, "subresource": test.sub}}})
		reason, _ := s["reason"].(string)
		switch {
		case test.denied == "" && s["allowed"] != true:
			t.Errorf("%s %s %s/%s: %v", test.user, test.verb, test.resource, test.sub, s)
		case test.denied != "" && test.verb != "*" && (s["allowed"] != false || reason != `requires one of ["`+test.denied+`"] permission(s).`):
			t.Errorf("%s %s %s/%s: %v, want %s", test.user, test.verb, test.resource, test.sub, s, test.denied)
		case test.denied != "" && s["allowed"] != false:
			t.Errorf("%s may do all", test.user)
		}
	}
	for _, user := range []string{"system:admin", "system:serviceaccount:default:default", "system:anonymous", "", "12345"} {
		s := in.review("/access-review", map[string]any{"spec": map[string]any{"user": user, "groups": []string{"system:masters"},
			"resourceAttributes": map[string]any{"verb": "get", "resource": "pods"}}})
		if s["allowed"] != false || s["reason"] != nil {
			t.Errorf("%q: %v", user, s)
		}
	}
	s := in.review("/access-review", map[string]any{"spec": map[string]any{"user": iam.Owner, "nonResourceAttributes": map[string]any{"path": "/metrics", "verb": "get"}}})
	if s["allowed"] != false || s["denied"] == true {
		t.Errorf("a path: %v", s)
	}
}

// node is the cluster's first, as the metadata server is asked by it.
func (in inside) node() http.Header {
	return http.Header{"Metadata-Flavor": {"Google"}, "X-Node": {in.Nodes[0].Name}}
}

func (in inside) pod(namespace, account string) http.Header {
	h := in.node()
	h.Set("X-Pod-Namespace", namespace)
	h.Set("X-Pod-Service-Account", account)
	return h
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	nodes := w.newAccount(t, "the-nodes")
	scopes := []string{"https://www.googleapis.com/auth/logging.write", emailScope}
	w.create(t, zone, &containerpb.Cluster{Name: "one", InitialNodeCount: 1, NodeConfig: &containerpb.NodeConfig{
		ServiceAccount: nodes.Email, OauthScopes: scopes, Metadata: map[string]string{"colour": "red"}}})
	c := w.get(t, zone, "one")
	in := w.inside(t, c)
	p, _ := w.k.Project(project)
	const v1 = "/metadata/computeMetadata/v1/"
	name := in.Nodes[0].Name
	with := func(h http.Header, k, v string) http.Header { h.Set(k, v); return h }
	for _, test := range []struct {
		path   string
		header http.Header
		code   int
		text   string // all of it, or with "…" at its end the beginning
	}{
		{"/metadata/", http.Header{"X-Node": {name}}, 200, "computeMetadata/\n"},
		{v1, in.node(), 200, "instance/\nproject/\nuniverse/\n"},
		{v1 + "project/project-id", in.node(), 200, project},
		{v1 + "project/project-id", in.pod("default", "default"), 200, project},
		{v1 + "project/project-id?alt=json", in.node(), 200, `"` + project + `"`},
		{v1 + "project/numeric-project-id", in.node(), 200, p.Number},
		{v1 + "project/?recursive=true", in.node(), 200, `{"attributes":{},"numericProjectId":` + p.Number + `,"projectId":"` + project + `"}`},
		{v1 + "universe/universe-domain", in.node(), 200, "googleapis.com"},
		{v1 + "instance/name", in.node(), 200, name},
		{v1 + "instance/hostname", in.node(), 200, name + ".us-central1-a.c.acme-demo.internal"},
		{v1 + "instance/zone", in.node(), 200, "projects/" + p.Number + "/zones/us-central1-a"},
		{v1 + "instance/attributes/cluster-name", in.node(), 200, "one"},
		{v1 + "instance/attributes/cluster-location", in.node(), 200, "us-central1-a"},
		{v1 + "instance/attributes/colour", in.node(), 200, "red"},
		{v1 + "instance/attributes/absent", in.node(), 404, "<!DOCTYPE html>…"},
		{v1 + "instance/service-accounts", in.node(), 200, "/computeMetadata/v1/instance/service-accounts/\n"},
		{v1 + "instance/service-accounts/", in.node(), 200, "default/\n" + nodes.Email + "/\n"},
		{v1 + "instance/service-accounts/default/", in.node(), 200, "aliases\nemail\nidentity\nscopes\ntoken\n"},
		{v1 + "instance/service-accounts/default/email", in.node(), 200, nodes.Email},
		{v1 + "instance/service-accounts/" + nodes.Email + "/aliases", in.node(), 200, "default\n"},
		{v1 + "instance/service-accounts/default/scopes", in.node(), 200, strings.Join(scopes, "\n") + "\n"},
		{v1 + "instance/service-accounts/default/?recursive=true", in.node(), 200,
			`{"aliases":["default"],"email":"` + nodes.Email + `","scopes":["` + strings.Join(scopes, `","`) + `"]}`},
		{v1 + "instance/service-accounts/other@example.com/token", in.node(), 404, "<!DOCTYPE html>…"},
		{v1 + "instance/service-accounts/default/identity", in.node(), 400, "non-empty audience parameter required\n"},
		{v1 + "instance/service-accounts/default/identity?audience=me", in.node(), 200, "ey…"},
		{v1 + "instance/name?wait_for_change=true&timeout_sec=0", in.node(), 200, name},
		{v1 + "absent", in.node(), 404, "<!DOCTYPE html>…"},
		{"/metadata/elsewhere", in.node(), 404, "<!DOCTYPE html>…"},
		{v1 + "project/project-id", http.Header{"X-Node": {name}}, 403, "<!DOCTYPE html>…"},
		{v1 + "project/project-id", with(in.node(), "X-Forwarded-For", "10.0.0.1"), 403, "<!DOCTYPE html>…"},
		{v1 + "project/project-id", with(in.node(), "X-Node", "another"), 403, "the cluster has no such node\n"},
	} {
		code, header, text := in.ask("GET", test.path, "", test.header)
		begins, cut := strings.CutSuffix(test.text, "…")
		if code != test.code || !cut && text != test.text || cut && !strings.HasPrefix(text, begins) {
			t.Errorf("%s: %d %q, want %d %q", test.path, code, text, test.code, test.text)
		}
		if header.Get("Metadata-Flavor") != "Google" || header.Get("Server") != "Metadata Server for VM" {
			t.Errorf("%s: %v", test.path, header)
		}
	}
	_, _, text := in.ask("GET", v1+"project/project-id", "", http.Header{"X-Node": {name}})
	if !strings.Contains(text, "Missing Metadata-Flavor:Google header.") {
		t.Error(text)
	}
	if code, _, _ := in.ask("POST", v1+"project/project-id", "", in.node()); code != 405 {
		t.Errorf("POST: %d", code)
	}
}

// token asks for an access token and says who holds it.
func (in inside) token(w *world, query string, header http.Header) (iam.Caller, int, string) {
	in.t.Helper()
	code, _, text := in.ask("GET", "/metadata/computeMetadata/v1/instance/service-accounts/default/token"+query, "", header)
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}
	if code != http.StatusOK {
		return iam.Caller{}, code, text
	}
	check(in.t, json.Unmarshal([]byte(text), &answer))
	if answer.TokenType != "Bearer" || answer.ExpiresIn < 3000 {
		in.t.Errorf("token: %s", text)
	}
	caller, err := w.k.Authenticate(answer.AccessToken)
	check(in.t, err)
	return caller, code, text
}

// A node's token is its account's, with the scopes of its pool and no others, whatever is
// asked for.
func TestNodeTokens(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	nodes := w.newAccount(t, "the-nodes")
	scopes := []string{"https://www.googleapis.com/auth/logging.write", emailScope}
	w.create(t, zone, &containerpb.Cluster{Name: "one", InitialNodeCount: 1, NodeConfig: &containerpb.NodeConfig{ServiceAccount: nodes.Email, OauthScopes: scopes}})
	w.create(t, zone, small("bare"))
	in := w.inside(t, w.get(t, zone, "one"))
	for _, query := range []string{"", "?scopes=" + cloudPlatform} {
		for _, header := range []http.Header{in.node(), in.pod("cosign-system", "webhook")} {
			caller, _, _ := in.token(w, query, header)
			if caller.Member != nodes.Member() || strings.Join(caller.Scopes, " ") != strings.Join(scopes, " ") {
				t.Errorf("%s: %+v", query, caller)
			}
			kms := iam.Rule{API: Host, Permission: "cloudkms.cryptoKeys.get", Scopes: []string{"https://www.googleapis.com/auth/cloudkms"}}
			if err := w.k.Admit(caller, kms, "projects/"+project); err == nil || !strings.Contains(err.Error(), "Request had insufficient authentication scopes.") {
				t.Errorf("KMS without its scope: %v", err)
			}
		}
	}
	p, _ := w.k.Project(project)
	caller, _, _ := w.inside(t, w.get(t, zone, "bare")).token(w, "", w.inside(t, w.get(t, zone, "bare")).node())
	if caller.Email != p.Number+"-compute@developer.gserviceaccount.com" || len(caller.Scopes) != 6 {
		t.Errorf("without an account: %+v", caller)
	}
	adminCall(t, w.k, "POST", accountsPath+"/"+nodes.Email+":disable", "{}")
	if _, code, text := in.token(w, "", in.node()); code != 400 || !strings.Contains(text, "Account is disabled") {
		t.Errorf("disabled: %d %s", code, text)
	}
	adminCall(t, w.k, "POST", accountsPath+"/"+nodes.Email+":enable", "{}")
	if _, code, text := in.token(w, "", in.node()); code != 200 {
		t.Errorf("enabled again: %d %s", code, text)
	}
	adminCall(t, w.k, "DELETE", accountsPath+"/"+nodes.Email, "")
	w.newAccount(t, "the-nodes") // another one, which the nodes know nothing of
	if _, code, text := in.token(w, "", in.node()); code != 400 || !strings.Contains(text, "Account has been deleted") {
		t.Errorf("deleted: %d %s", code, text)
	}
}

// With Workload Identity Federation a pod is its Kubernetes account, or the Google account
// that this may stand for; the node stays itself.
func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	nodes, target := w.newAccount(t, "the-nodes"), w.newAccount(t, "target")
	w.create(t, zone, &containerpb.Cluster{Name: "one", InitialNodeCount: 1, NodeConfig: &containerpb.NodeConfig{ServiceAccount: nodes.Email},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: project + ".svc.id.goog"}})
	in := w.inside(t, w.get(t, zone, "one"))
	p, _ := w.k.Project(project)
	if code, _, text := in.ask("GET", "/metadata/computeMetadata/v1/instance/attributes/?recursive=true&alt=text", "", in.pod("a", "b")); code != 200 ||
		text != "cluster-location "+zone[strings.LastIndex(zone, "/")+1:]+"\ncluster-name one\ncluster-uid "+w.get(t, zone, "one").GetId()+"\n" {
		t.Errorf("a pod's attributes: %d %s", code, text)
	}
	for _, path := range []string{"instance/machine-type", "instance/attributes/kube-labels", "project/attributes/"} {
		if code, _, text := in.ask("GET", "/metadata/computeMetadata/v1/"+path, "", in.pod("a", "b")); code != 404 {
			t.Errorf("GKE's metadata server has %s: %d %s", path, code, text)
		}
	}
	principal := "principal://iam.googleapis.com/projects/" + p.Number + "/locations/global/workloadIdentityPools/acme-demo.svc.id.goog/subject/ns/cosign-system/sa/webhook"
	pod := in.pod("cosign-system", "webhook")
	caller, _, _ := in.token(w, "", pod)
	if caller.Member != principal || strings.Join(caller.Scopes, " ") != cloudPlatform+" "+emailScope {
		t.Errorf("pod: %+v", caller)
	}
	bind(t, w.k, "projects/"+project, "roles/cloudkms.viewer", principal) // the pool is there
	if caller, _, _ := in.token(w, "", in.node()); caller.Member != nodes.Member() {
		t.Errorf("node: %+v", caller)
	}
	_, header, text := in.ask("GET", "/metadata/computeMetadata/v1/instance/service-accounts/default/email", "", pod)
	if text != "acme-demo.svc.id.goog" || header.Get("Server") != "GKE Metadata Server" {
		t.Errorf("%v %s", header, text)
	}
	full := in.pod("cosign-system", "webhook")
	full.Set("X-Pod-Principal-As-Email", "true")
	if _, _, text := in.ask("GET", "/metadata/computeMetadata/v1/instance/service-accounts/default/email", "", full); text != principal {
		t.Errorf("asked to show its principal it shows %s", text)
	}
	full.Set("X-Pod-Service-Account-Uid", "0c-1d")
	caller, _, _ = in.token(w, "", full)
	if caller.Pod.UID != "0c-1d" || caller.Pod.Cluster != "https://container.googleapis.com/v1/"+zone+"/clusters/one" {
		t.Errorf("the token says of the pod: %+v", caller.Pod)
	}
	pod.Set("X-Pod-Google-Account", target.Email)
	if _, code, text := in.token(w, "", pod); code != 403 || !strings.HasPrefix(text, "GKE Metadata Server encountered an error: Unable to generate access token; IAM returned 403 Forbidden") {
		t.Errorf("%d %s", code, text)
	}
	bind(t, w.k, target.Name(), "roles/iam.workloadIdentityUser", "serviceAccount:acme-demo.svc.id.goog[cosign-system/webhook]")
	if caller, _, _ := in.token(w, "", pod); caller.Member != target.Member() {
		t.Errorf("bound pod: %+v", caller)
	}
	pod.Del("Metadata-Flavor")
	if code, _, text := in.ask("GET", "/metadata/computeMetadata/v1/project/project-id", "", pod); code != 403 ||
		text != "GKE Metadata Server encountered an error: Missing required header \"Metadata-Flavor\": \"Google\"\n" {
		t.Errorf("%d %s", code, text)
	}
}
