//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// as is the world seen by another caller.
func (w *world) as(member string) context.Context {
	_, email, _ := strings.Cut(member, ":")
	return iam.NewContext(context.Background(), iam.Caller{Email: email, Member: member, Scopes: []string{cloudPlatform}})
}

// account makes a service account over the API of IAM's own package.
func (w *world) newAccount(t testing.TB, id string) iam.ServiceAccount {
	t.Helper()
	email := makeAccount(t, w.k, id)
	a, ok := w.k.ServiceAccount(email)
	if !ok {
		t.Fatalf("service account %s is not there", email)
	}
	return a
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := open(t, Options{Networks: []string{"default"}, Quota: map[string]float64{"SSD_TOTAL_GB": 500, "IN_USE_ADDRESSES": 4}})
	w.create(t, zone, small("there"))
	w.newAccount(t, "the-nodes")
	pool := func(change func(*containerpb.NodePool)) *containerpb.Cluster {
		p := &containerpb.NodePool{Name: "p", InitialNodeCount: 1, Config: &containerpb.NodeConfig{}}
		change(p)
		return &containerpb.Cluster{Name: "new", NodePools: []*containerpb.NodePool{p}}
	}
	for _, test := range []struct {
		name    string
		parent  string
		cluster *containerpb.Cluster
		code    codes.Code
		words   string
	}{
		{"name", zone, small("My_cluster"), codes.InvalidArgument,
			`Invalid value for field "cluster.name": "My_cluster". Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?)' (only lowercase alphanumerics and '-' allowed, must start with a letter and end with an alphanumeric, and must be no longer than 40 characters).`},
		{"there already", zone, small("there"), codes.AlreadyExists, "Already exists: projects/acme-demo/zones/us-central1-a/clusters/there."},
		{"no nodes", zone, &containerpb.Cluster{Name: "new"}, codes.InvalidArgument, "Cluster.initial_node_count must be greater than zero."},
		{"no such place", "projects/acme-demo/locations/us-nowhere1-a", small("new"), codes.PermissionDenied, "Permission denied on 'locations/us-nowhere1-a' (or it may not exist)."},
		{"all places", "projects/acme-demo/locations/-", small("new"), codes.PermissionDenied, "Permission denied on 'locations/-' (or it may not exist)."},
		{"no such account", zone, pool(func(p *containerpb.NodePool) { p.Config.ServiceAccount = "absent@acme-demo.iam.gserviceaccount.com" }), codes.InvalidArgument,
			`Service account "absent@acme-demo.iam.gserviceaccount.com" does not exist.`},
		{"no such network", zone, &containerpb.Cluster{Name: "new", InitialNodeCount: 1, Network: "inner"}, codes.InvalidArgument, `Project "acme-demo" has no network named "inner".`},
		{"no such version", zone, &containerpb.Cluster{Name: "new", InitialNodeCount: 1, InitialClusterVersion: "1.10"}, codes.InvalidArgument, `No valid versions with the prefix "1.10" found.`},
		{"quota", montreal, pool(func(p *containerpb.NodePool) { p.InitialNodeCount = 3 }), codes.PermissionDenied,
			"\n\t" + `(1) insufficient regional quota to satisfy request: resource "IN_USE_ADDRESSES": request requires '9.0' and is short '5.0'. project has a quota of '4.0' with '4.0' available. ` +
				`View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=acme-demo` +
				"\n\t" + `(2) insufficient regional quota to satisfy request: resource "SSD_TOTAL_GB": request requires '900.0' and is short '400.0'. project has a quota of '500.0' with '500.0' available. ` +
				`View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=acme-demo.`},
		{"quota that others use", zone, pool(func(p *containerpb.NodePool) { p.Config.DiskSizeGb = 450 }), codes.PermissionDenied,
			`Insufficient regional quota to satisfy request: resource "SSD_TOTAL_GB": request requires '450.0' and is short '50.0'. project has a quota of '500.0' with '400.0' available. ` +
				`View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=acme-demo.`},
	} {
		_, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: test.parent, Cluster: test.cluster})
		if s := status.Convert(err); s.Code() != test.code || s.Message() != test.words {
			t.Errorf("%s: %v\n got %s\nwant %s", test.name, s.Code(), s.Message(), test.words)
		}
	}
	_, err := w.GetServerConfig(w.ctx, &containerpb.GetServerConfigRequest{Name: "projects/acme-demo/locations/us-central1-z"})
	if d := status.Convert(err).Details(); len(d) != 1 || d[0].(*errdetails.ErrorInfo).GetReason() != "LOCATION_POLICY_VIOLATED" {
		t.Errorf("a place that is not there: %v, with %v", err, d)
	}
	list, err := w.ListClusters(w.ctx, &containerpb.ListClustersRequest{Parent: "projects/acme-demo/locations/-"})
	if check(t, err); len(list.GetClusters()) != 1 {
		t.Errorf("refused clusters were made: %v", list)
	}
}

// Whoever may make clusters may still not act as any account.
func TestActAs(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	nodes := w.newAccount(t, "the-nodes")
	maker := w.newAccount(t, "the-maker")
	bind(t, w.k, "projects/"+project, "roles/container.admin", maker.Member())
	create := func(name, account string) error {
		_, err := w.CreateCluster(w.as(maker.Member()), &containerpb.CreateClusterRequest{Parent: zone, Cluster: &containerpb.Cluster{
			Name: name, InitialNodeCount: 1, NodeConfig: &containerpb.NodeConfig{ServiceAccount: account}}})
		return err
	}
	for account, words := range map[string]string{
		nodes.Email: `The user does not have access to service account "the-nodes@acme-demo.iam.gserviceaccount.com". Ask a project owner to grant you the iam.serviceAccountUser role on the service account.`,
		"":          `The user does not have access to service account "default". Ask a project owner to grant you the iam.serviceAccountUser role on the service account.`,
	} {
		if s := status.Convert(create("one", account)); s.Code() != codes.InvalidArgument || s.Message() != words {
			t.Errorf("%v\n got %s\nwant %s", s.Code(), s.Message(), words)
		}
	}
	bind(t, w.k, nodes.Name(), "roles/iam.serviceAccountUser", maker.Member())
	if err := create("one", nodes.Email); err != nil {
		t.Error("with the role:", err)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	op, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: zone, Cluster: small("hangs-at-node")})
	check(t, err)
	_, err = w.DeleteCluster(w.ctx, &containerpb.DeleteClusterRequest{Name: zone + "/clusters/hangs-at-node"})
	want := fmt.Sprintf("Operation %s is currently creating cluster hangs-at-node. Please wait and try again once it is done.", op.GetName())
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != want {
		t.Errorf("delete: %v\n got %s\nwant %s", s.Code(), s.Message(), want)
	}
	slow := open(t, Options{Latency: Latency{Update: time.Hour}})
	slow.create(t, zone, small("one"))
	update := &containerpb.UpdateClusterRequest{Name: zone + "/clusters/one", Update: &containerpb.ClusterUpdate{DesiredLoggingService: "none"}}
	op, err = slow.UpdateCluster(slow.ctx, update)
	check(t, err)
	_, err = slow.UpdateCluster(slow.ctx, update)
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "Cluster is running incompatible operation "+op.GetName()+"." {
		t.Errorf("update: %v %s", s.Code(), s.Message())
	}
}

// door is the service behind a front, as clients reach it.
type door struct {
	*world
	front *front.Front
}

func behind(t testing.TB, w *world) *door {
	t.Helper()
	f, err := front.New(front.Options{})
	check(t, err)
	handlers, err := w.Handlers()
	check(t, err)
	for host, h := range handlers {
		f.Handle(host, h)
	}
	f.Inspect(w.Endpoint, w.Dial, w.Identity, w.Requests())
	check(t, f.Start(context.Background()))
	t.Cleanup(func() { f.Close() })
	return &door{w, f}
}

// call makes one REST call as somebody and returns the status and the answer.
func (d *door) call(t testing.TB, member, method, address, body string) (int, map[string]any) {
	t.Helper()
	proxy, err := url.Parse(d.front.ProxyURL())
	check(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: d.front.Pool()}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	check(t, err)
	if member != "" {
		token, _ := d.k.Mint(member, []string{cloudPlatform, emailScope}, time.Hour)
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	check(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	check(t, err)
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%s %s: not JSON: %s", method, address, data)
	}
	return resp.StatusCode, out
}

func words(answer map[string]any) string {
	e, _ := answer["error"].(map[string]any)
	text, _ := e["message"].(string)
	return text
}

// Both forms of names, both versions of the API, and what those may see who may only look.
func TestREST(t *testing.T) {
	t.Parallel()
	d := behind(t, open(t, Options{}))
	const base = "https://" + Host
	owner, viewer := "user:"+iam.Owner, "user:"+iam.Viewer
	code, op := d.call(t, owner, "POST", base+"/v1/projects/acme-demo/zones/us-central1-a/clusters", `{"cluster":{"name":"old","initialNodeCount":1}}`)
	if code != 200 || op["status"] != "RUNNING" || op["zone"] != "us-central1-a" {
		t.Fatalf("create: %d %v", code, op)
	}
	d.done(t, zone, &containerpb.Operation{Name: op["name"].(string)})
	for _, test := range []struct {
		member, method, path string
		code                 int
		words                string
	}{
		{viewer, "GET", "/v1/projects/acme-demo/zones/us-central1-a/clusters/old", 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-a/clusters/old", 200, ""},
		{viewer, "GET", "/v1beta1/projects/acme-demo/locations/us-central1-a/clusters/old", 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/locations/-/clusters", 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/zones/-/clusters", 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-a/operations/" + op["name"].(string), 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-a/operations", 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1/serverConfig", 200, ""},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1/clusters/old", 404, "Not found: projects/acme-demo/locations/us-central1/clusters/old."},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-z/clusters/old", 403, "Permission denied on 'locations/us-central1-z' (or it may not exist)."},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-z/serverConfig", 403, "Permission denied on 'locations/us-central1-z' (or it may not exist)."},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-a/clusters/old/nodePools/absent", 404, `Not found: node pool "absent" not found.`},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-a/clusters/absent/nodePools/absent", 404, "Not found: projects/acme-demo/zones/us-central1-a/clusters/absent."},
		{owner, "DELETE", "/v1/projects/acme-demo/zones/us-central1-a/clusters/old/nodePools/absent", 404, `Not found: node pool "absent" not found.`},
		{owner, "PUT", "/v1/projects/acme-demo/locations/us-central1-a/clusters/old/nodePools/absent", 404, `Not found: node pool "absent" not found.`},
		{viewer, "GET", "/v1/projects/acme-demo/locations/us-central1-a/operations/operation-1", 404, "Not found: projects/acme-demo/zones/us-central1-a/operations/operation-1."},
		{viewer, "POST", "/v1/projects/acme-demo/locations/us-central1-a/clusters", 403, `Required "container.clusters.create" permission(s) for "projects/acme-demo".`},
		{viewer, "DELETE", "/v1/projects/acme-demo/zones/us-central1-a/clusters/old", 403, `Required "container.clusters.delete" permission(s) for "projects/acme-demo/zones/us-central1-a/clusters/old".`},
		{"user:nobody@example.com", "GET", "/v1/projects/acme-demo/locations/europe-west1/clusters/old", 403, `Required "container.clusters.get" permission(s) for "projects/acme-demo/locations/europe-west1/clusters/old".`},
		{"user:nobody@example.com", "GET", "/v1/projects/acme-demo/locations/-/clusters", 403, `Required "container.clusters.list" permission(s) for "projects/acme-demo".`},
		{viewer, "GET", "/v1/projects/acme-staging/locations/-/clusters", 403, "Kubernetes Engine API has not been used in project"},
		{viewer, "GET", "/v1/projects/no-such-project/locations/-/clusters", 403, "Permission denied on resource project no-such-project."},
		{"", "GET", "/v1/projects/acme-demo/locations/-/clusters", 401, "Request is missing required authentication credential."},
	} {
		body := ""
		if test.method == "POST" {
			body = `{"cluster":{"name":"new","initialNodeCount":1}}`
		}
		code, answer := d.call(t, test.member, test.method, base+test.path, body)
		if code != test.code || !strings.HasPrefix(words(answer), test.words) {
			t.Errorf("%s %s %s: %d %q, want %d %q", test.member, test.method, test.path, code, words(answer), test.code, test.words)
		}
	}
}
