package steps

import (
	"slices"
	"strings"

	"github.com/signgate/signgate/state"
)

// Need is a permission that the person running a setup must hold, and a predefined
// role that has it.
type Need struct {
	Permission string
	Role       string
}

// Needs lists what is tested before anything is made. All of these can be tested on a
// project; one that cannot (resourcemanager.projects.create) would have the whole
// question refused. Note what surprises: roles/editor lacks every setIamPolicy
// and may not sign with KMS keys; roles/container.clusterAdmin makes clusters, and nothing in them.
func Needs(a state.Answers) []Need {
	var all []Need
	role := func(name string, permissions ...string) {
		for _, p := range permissions {
			all = append(all, Need{Permission: p, Role: name})
		}
	}
	role("roles/serviceusage.serviceUsageAdmin", "serviceusage.services.enable", "serviceusage.services.get", "serviceusage.services.list", "serviceusage.services.use")
	role("roles/cloudkms.admin",
		"cloudkms.keyRings.create", "cloudkms.keyRings.get", "cloudkms.cryptoKeys.create", "cloudkms.cryptoKeys.get",
		"cloudkms.cryptoKeyVersions.create", "cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeyVersions.list", "cloudkms.cryptoKeyVersions.update",
		"cloudkms.cryptoKeyVersions.restore", "cloudkms.cryptoKeyVersions.destroy")
	if a.Federated() {
		role("roles/cloudkms.admin", "cloudkms.cryptoKeys.getIamPolicy", "cloudkms.cryptoKeys.setIamPolicy")
	}
	role("roles/cloudkms.signerVerifier", "cloudkms.cryptoKeyVersions.viewPublicKey", "cloudkms.cryptoKeyVersions.useToSign")
	role("roles/artifactregistry.admin",
		"artifactregistry.repositories.create", "artifactregistry.repositories.get", "artifactregistry.repositories.delete",
		"artifactregistry.repositories.uploadArtifacts", "artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.deleteArtifacts",
		"artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.setIamPolicy")
	role("roles/iam.serviceAccountAdmin", "iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.enable", "iam.serviceAccounts.delete")
	role("roles/iam.serviceAccountUser", "iam.serviceAccounts.actAs")
	role("roles/resourcemanager.projectIamAdmin", "resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy")
	role("roles/container.admin", "container.clusters.get", "container.clusters.connect", "container.operations.get", "container.operations.list")
	if a.ExistingCluster { // what may be done in it, its own RBAC may say as well
		role("roles/container.admin", "container.clusters.update")
	} else {
		role("roles/container.admin", "container.clusters.create", "container.clusters.delete")
		role("roles/container.admin", slices.Concat(installs, writesPolicies, protects, deploys)...)
	}
	role("roles/compute.networkViewer", "compute.networks.get")
	return all
}

// Of the many permissions for Kubernetes objects these tell who may set up a gate.
var (
	installs = []string{
		"container.clusterRoles.create", "container.clusterRoles.escalate", "container.clusterRoleBindings.create", "container.customResourceDefinitions.create",
		"container.mutatingWebhookConfigurations.create", "container.validatingWebhookConfigurations.create", "container.secrets.create"}
	writesPolicies = []string{"container.thirdPartyObjects.create"}
	protects       = []string{"container.namespaces.update"}
	deploys        = []string{"container.deployments.create"}
)

// permits are the permissions of a step in the cluster: to reach it, and what it takes inside.
func (s inside) permits(in []string) []string {
	reach := []string{"container.clusters.get", "container.clusters.connect"}
	if s.a.ExistingCluster {
		return reach
	}
	return append(reach, in...)
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
