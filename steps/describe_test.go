package steps_test

import (
	"testing"

	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

func TestDescribe(t *testing.T) {
	for _, row := range []struct{ kind, name, want string }{
		{"cloudkms.keyRing", "projects/p/locations/l/keyRings/cosign", "key ring cosign"},
		{"cloudkms.cryptoKeyVersion", "projects/p/locations/l/keyRings/k/cryptoKeys/c/cryptoKeyVersions/2", "version 2 of the key"},
		{"iam.binding", "projects/p#roles/cloudkms.viewer#serviceAccount:a@p", "roles/cloudkms.viewer of serviceAccount:a@p on projects/p"},
		{"iam.binding", "projects/p#r#principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p.svc.id.goog/subject/ns/n/sa/a", "r of Kubernetes account n/a on projects/p"},
		{"image.signature", "l-docker.pkg.dev/p/r/nginx@sha256:1", "signature of nginx@sha256:1"},
		{"kubernetes.label", "default#policy.sigstore.dev/include", "label policy.sigstore.dev/include of namespace default"},
		{"kubernetes.deployment", "default/nginx", "deployment nginx in namespace default"},
		{"something.new", "a/b", "something.new a/b"},
	} {
		if got := steps.Describe(state.Resource{Kind: row.kind, Name: row.name}); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.kind, row.name, got, row.want)
		}
	}
}
