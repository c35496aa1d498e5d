package iam

import (
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Roles of services that are no part of the sandbox can be granted and give next to
// nothing here; names that are none of Google's, and those that reach further, are refused.
func TestRolesElsewhere(t *testing.T) {
	k, err := New(Options{})
	check(t, err)
	const project, other = "projects/acme-demo", "user:other@elsewhere.example"
	caller := Caller{Email: strings.TrimPrefix(other, "user:"), Member: other}
	give := func(role string) error {
		p := k.Policy(project)
		p.Bindings = []*iampb.Binding{{Role: role, Members: []string{other}}}
		_, err := k.SetPolicy(project, p, nil)
		return err
	}
	for role, sees := range map[string]bool{
		"roles/storage.admin": true, "roles/storage.objectAdmin": true, "roles/storage.objectCreator": true, "roles/compute.admin": true,
		"roles/bigquery.dataEditor": true, "roles/pubsub.publisher": false, "roles/secretmanager.secretAccessor": true, "roles/run.invoker": false,
		"roles/cloudsql.client": false, "roles/logging.admin": true, "roles/dns.admin": true, "roles/storage.legacyBucketReader": false,
	} {
		if err := give(role); err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		if got := k.Holds(caller, "resourcemanager.projects.get", project); got != sees {
			t.Errorf("%s: may get the project: %t, want %t", role, got, sees)
		}
		for _, p := range []string{"artifactregistry.repositories.get", "container.clusters.get", "cloudkms.cryptoKeys.get", "iam.serviceAccounts.actAs", "resourcemanager.projects.setIamPolicy"} {
			if k.Holds(caller, p, project) {
				t.Errorf("%s gives %s", role, p)
			}
		}
	}
	for _, role := range []string{"roles/storage.objectDancer", "roles/cloudbuild.builds.builder", "roles/storage"} {
		err := give(role)
		if want := "Role (" + role + ") does not exist in the resource's hierarchy."; status.Code(err) != codes.InvalidArgument || status.Convert(err).Message() != want {
			t.Errorf("%s: %v, want %q", role, err, want)
		}
	}
}
