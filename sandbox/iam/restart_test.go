package iam

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// What was is there after a restart: projects, APIs, accounts, roles, policies and what
// they give, tokens.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	k, err := New(Options{Dir: dir})
	check(t, err)
	a := &admin{iam: k}
	_, err = a.CreateServiceAccount(t.Context(), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: "worker"})
	check(t, err)
	_, err = a.CreateRole(t.Context(), &adminpb.CreateRoleRequest{Parent: "projects/acme-demo", RoleId: "own",
		Role: &adminpb.Role{IncludedPermissions: []string{"cloudkms.keyRings.create"}}})
	check(t, err)
	const member = "serviceAccount:worker@acme-demo.iam.gserviceaccount.com"
	_, err = k.SetPolicy("projects/acme-tools", &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/cloudkms.signer", Members: []string{member}}}}, nil)
	check(t, err)
	p := k.Policy("projects/acme-demo")
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: "projects/acme-demo/roles/own", Members: []string{member}})
	_, err = k.SetPolicy("projects/acme-demo", p, nil)
	check(t, err)
	check(t, k.Enable("acme-demo", "container.googleapis.com"))
	token, _ := k.Mint(member, []string{cloudPlatform}, time.Hour)

	next, err := New(Options{Dir: dir})
	check(t, err)
	c, err := next.Authenticate(token)
	check(t, err)
	for resource, permission := range map[string]string{"projects/acme-tools": "cloudkms.cryptoKeyVersions.useToSign", "projects/acme-demo/locations/global": "cloudkms.keyRings.create"} {
		if !next.Holds(c, permission, resource) {
			t.Errorf("after a restart %s no longer gives %s", resource, permission)
		}
	}
	if !next.Enabled("acme-demo", "compute.googleapis.com") {
		t.Error("after a restart an API is off")
	}
	if !reflect.DeepEqual(next.People(), k.People()) {
		t.Error("after a restart the sign-ins are others")
	}
	info, err := os.Stat(filepath.Join(dir, "iam.json"))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("iam.json has mode %o", info.Mode().Perm())
	}
}

// A file that is damaged, or of a newer signgate, is refused and left as it is.
func TestForeignFile(t *testing.T) {
	for text, words := range map[string]string{`{"version":`: "is damaged", `{"version":99}`: "has version 99, this signgate knows 1"} {
		path := filepath.Join(t.TempDir(), "iam.json")
		check(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := New(Options{Dir: filepath.Dir(path)})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", text, err)
		}
		if left, _ := os.ReadFile(path); string(left) != text {
			t.Errorf("%s was overwritten", text)
		}
	}
}

// An account rests with its project.
func TestAccountOfDeletedProject(t *testing.T) {
	k, err := New(Options{})
	check(t, err)
	_, err = (&admin{iam: k}).CreateServiceAccount(t.Context(), &adminpb.CreateServiceAccountRequest{Name: "projects/acme-demo", AccountId: "worker"})
	check(t, err)
	token, _ := k.Mint("serviceAccount:worker@acme-demo.iam.gserviceaccount.com", []string{cloudPlatform}, time.Hour)
	_, err = k.Authenticate(token)
	check(t, err)
	k.state.Projects["acme-demo"].State = DeleteRequested
	if _, err = k.Authenticate(token); reasonOf(err) != "ACCOUNT_STATE_INVALID" {
		t.Errorf("an account of a deleted project: %v", err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reasonOf is the ErrorInfo reason of a status; "" without one.
func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
