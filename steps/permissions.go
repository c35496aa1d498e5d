package steps

import (
	"strings"

	"github.com/signgate/signgate/state"
)

// Need is a permission that the person running a setup must hold, and a predefined
// role that has it.
type Need struct {
	Permission string
	Role       string
}

// needsOf are Needs and what only these answers make necessary.
func needsOf(a state.Answers) []Need {
	all := Needs()
	if a.Federated() {
		for _, p := range []string{"cloudkms.cryptoKeys.getIamPolicy", "cloudkms.cryptoKeys.setIamPolicy"} {
			all = append(all, Need{Permission: p, Role: "roles/cloudkms.admin"})
		}
	}
	return all
}

// Needs lists what is tested before anything is made. All of these can be tested on a
// project; one that cannot (resourcemanager.projects.create) would have the whole
// question refused. Note what surprises: roles/editor lacks every setIamPolicy
// and may not sign with KMS keys.
func Needs() []Need {
	var all []Need
	for _, part := range []struct {
		role        string
		permissions []string
	}{
		{"roles/serviceusage.serviceUsageAdmin", []string{"serviceusage.services.enable", "serviceusage.services.get", "serviceusage.services.list", "serviceusage.services.use"}},
		{"roles/cloudkms.admin", []string{
			"cloudkms.keyRings.create", "cloudkms.keyRings.get", "cloudkms.cryptoKeys.create", "cloudkms.cryptoKeys.get",
			"cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeyVersions.list", "cloudkms.cryptoKeyVersions.update", "cloudkms.cryptoKeyVersions.destroy"}},
		{"roles/cloudkms.signerVerifier", []string{"cloudkms.cryptoKeyVersions.viewPublicKey", "cloudkms.cryptoKeyVersions.useToSign"}},
		{"roles/artifactregistry.admin", []string{
			"artifactregistry.repositories.create", "artifactregistry.repositories.get", "artifactregistry.repositories.delete",
			"artifactregistry.repositories.uploadArtifacts", "artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.deleteArtifacts",
			"artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.setIamPolicy"}},
		{"roles/iam.serviceAccountAdmin", []string{"iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.delete"}},
		{"roles/iam.serviceAccountUser", []string{"iam.serviceAccounts.actAs"}},
		{"roles/resourcemanager.projectIamAdmin", []string{"resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"}},
		{"roles/container.admin", []string{
			"container.clusters.create", "container.clusters.get", "container.clusters.delete", "container.clusters.connect", "container.operations.get"}},
		{"roles/compute.networkViewer", []string{"compute.networks.get"}},
	} {
		for _, p := range part.permissions {
			all = append(all, Need{Permission: p, Role: part.role})
		}
	}
	return all
}

// kind of resource whose policy may give the permission, besides the project's that it
// is in: once it is there, who holds it only there may go on as well.
func (n Need) kind() string {
	for _, of := range []struct{ permissions, kind string }{
		{"cloudkms.keyRings.create", "project"},
		{"cloudkms.keyRings.", "key ring"},
		{"cloudkms.cryptoKeys.create", "key ring"},
		{"cloudkms.", "key"},
		{"artifactregistry.repositories.create", "project"},
		{"artifactregistry.repositories.", "repository"},
		{"iam.serviceAccounts.create", "project"},
		{"iam.serviceAccounts.", "account"},
	} {
		if strings.HasPrefix(n.Permission, of.permissions) {
			return of.kind
		}
	}
	return "project"
}
