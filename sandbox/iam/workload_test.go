package iam

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// federation is a world with one identity pool, and the names of its project.
func federation(t *testing.T) (k *IAM, pool, number string) {
	t.Helper()
	k, err := New(Options{})
	check(t, err)
	check(t, k.SetIdentityPool("acme-demo.svc.id.goog"))
	p, _ := k.Project("acme-demo")
	return k, "iam.googleapis.com/projects/" + p.Number + "/locations/global/workloadIdentityPools/acme-demo.svc.id.goog", p.Number
}

// A pod is meant by its account's name, or its id, its namespace, its cluster or its
// pool; by nothing that names another, and not as somebody with a Google account.
func TestFederatedNames(t *testing.T) {
	t.Parallel()
	const (
		resource   = "projects/acme-demo/locations/europe-west1/keyRings/r/cryptoKeys/k"
		permission = "cloudkms.cryptoKeys.get"
		clusters   = "https://container.googleapis.com/v1/projects/acme-demo/locations/europe-west1/clusters/"
	)
	k, pool, _ := federation(t)
	token, _ := k.MintPod("principal://"+pool+"/subject/ns/cosign-system/sa/webhook", Pod{UID: "0c-1d", Cluster: clusters + "one"}, []string{cloudPlatform}, time.Hour)
	caller, err := k.Authenticate(token)
	check(t, err)
	for member, means := range map[string]bool{
		"principal://" + pool + "/subject/ns/cosign-system/sa/webhook":       true,
		"principal://" + pool + "/subject/ns/cosign-system/sa/other":         false,
		"principal://" + pool + "/subject/ns/other/sa/webhook":               false,
		"principal://" + pool + "/kubernetes.serviceaccount.uid/0c-1d":       true,
		"principal://" + pool + "/kubernetes.serviceaccount.uid/0c-1":        false,
		"principalSet://" + pool + "/namespace/cosign-system":                true,
		"principalSet://" + pool + "/namespace/cosign":                       false,
		"principalSet://" + pool + "/kubernetes.cluster/" + clusters + "one": true,
		"principalSet://" + pool + "/kubernetes.cluster/" + clusters + "two": false,
		"serviceAccount:acme-demo.svc.id.goog[cosign-system/webhook]":        true,
		"serviceAccount:acme-demo.svc.id.goog[cosign-system/other]":          false,
		"group:acme-demo.svc.id.goog:/allAuthenticatedUsers/":                true,
		"allUsers":              true,
		"allAuthenticatedUsers": false,
	} {
		_, err := k.SetPolicy(resource, &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/cloudkms.viewer", Members: []string{member}}}}, nil)
		check(t, err)
		if k.Holds(caller, permission, resource) != means {
			t.Errorf("%s: it means the pod: %v", member, !means)
		}
		if k.Holds(Caller{Member: caller.Member}, permission, resource) && strings.Contains(member, "kubernetes.") {
			t.Errorf("%s means a pod of which neither account nor cluster are known", member)
		}
	}
}

// What no pool or no principal is called is refused, in Google's words.
func TestFederatedMembers(t *testing.T) {
	t.Parallel()
	k, pool, number := federation(t)
	tools, _ := k.Project("acme-tools")
	absent := func(name string) string {
		return "Identity Pool does not exist (" + name + "). Please check that you specified a valid resource name as returned in the `name` attribute in the configuration API."
	}
	pools := func(number, id string) string {
		return "projects/" + number + "/locations/global/workloadIdentityPools/" + id
	}
	const unknown = "is of an unknown type. Please set a valid type prefix for the member."
	for member, words := range map[string]string{
		"principal://" + pool + "/subject/ns/a/sa/b":                                                     "",
		"principal://iam.googleapis.com/" + pools("1", "elsewhere-1.svc.id.goog") + "/subject/ns/a/sa/b": "",
		"principalSet://iam.googleapis.com/" + pools("1", "github") + "/attribute.repository/a/b":        "",
		"principalSet://iam.googleapis.com/locations/global/workforcePools/w/group/g":                    "",
		"principal://iam.googleapis.com/" + pools(tools.Number, "acme-tools.svc.id.goog") + "/subject/x": absent(pools(tools.Number, "acme-tools.svc.id.goog")),
		"principal://iam.googleapis.com/" + pools(tools.Number, "acme-demo.svc.id.goog") + "/subject/x":  absent(pools(tools.Number, "acme-demo.svc.id.goog")),
		"principal://iam.googleapis.com/" + pools("acme-demo", "acme-demo.svc.id.goog") + "/subject/x":   absent(pools("acme-demo", "acme-demo.svc.id.goog")),
		"principal://iam.googleapis.com/" + pools(number, "elsewhere-1.svc.id.goog") + "/subject/x":      absent(pools(number, "elsewhere-1.svc.id.goog")),
		"principal://iam.googleapis.com/" + pools(number, "github") + "/subject/x":                       absent(pools(number, "github")),
		"principalSet://" + pool + "/*":                                         absent(pools(number, "acme-demo.svc.id.goog")),
		"principalSet://" + pool + "/namespace/":                                unknown,
		"principal://" + pool + "/namespace/a":                                  unknown,
		"principalSet://" + pool + "/subject/ns/a/sa/b":                         unknown,
		"principalSet://" + pool + "/kubernetes.cluster/one":                    unknown,
		"principal://" + pool:                                                   unknown,
		"principal://" + pool + "/":                                             unknown,
		"principalSet://iam.googleapis.com/github/attribute.repository/a/b":     unknown,
		"principal://iam.googleapis.org/" + pools("1", "github") + "/subject/x": unknown,
		"principal:" + pool + "/subject/x":                                      unknown,
		"serviceAccount:acme-tools.svc.id.goog[a/b]":                            absent("acme-tools.svc.id.goog"),
		"serviceAccount:acme-demo.svc.id.goog[b]":                               "Invalid service account (acme-demo.svc.id.goog[b]).",
		"serviceAccount:acme-demo.svc.id.goog[a/b":                              "Invalid service account (acme-demo.svc.id.goog[a/b).",
		"group:acme-tools.svc.id.goog:/allAuthenticatedUsers/":                  absent("acme-tools.svc.id.goog"),
	} {
		for _, resource := range []string{"projects/acme-demo", "projects/acme-demo/locations/l/repositories/r"} {
			_, err := k.SetPolicy(resource, &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/viewer", Members: []string{member}}}}, nil)
			got := status.Convert(err)
			if words == "" && err != nil || words != "" && (got.Code() != codes.InvalidArgument || !strings.HasSuffix(got.Message(), words)) {
				t.Errorf("%s on %s: %v", member, resource, err)
			}
		}
	}
}
