package steps

import (
	"cmp"
	"strings"

	"github.com/signgate/signgate/state"
)

// Names are the setup's resources as Google and the registry call them. All of
// them are functions of the answers, so steps need pass one another nothing.
type Names struct{ a state.Answers }

// NamesOf gives the names that follow from a person's answers.
func NamesOf(a state.Answers) Names { return Names{a} }

// Project is the relative name of the project: "projects/acme-demo".
func (n Names) Project() string { return "projects/" + n.a.Project }

// ProjectID is the project's id alone: "acme-demo".
func (n Names) ProjectID() string { return n.a.Project }

// Region is where key ring, repository and cluster are.
func (n Names) Region() string { return n.a.Region }

// KeyRingID is the key ring's short name.
func (n Names) KeyRingID() string { return n.a.Named(n.a.KeyRing) }

// Location is the region as a relative name, the parent of key ring and repository.
func (n Names) Location() string { return n.Project() + "/locations/" + n.a.Region }

// KeyRing is the key ring's relative name.
func (n Names) KeyRing() string { return n.Location() + "/keyRings/" + n.KeyRingID() }

// Key is the key's relative name.
func (n Names) Key() string { return n.KeyRing() + "/cryptoKeys/" + n.a.Key }

// KeyVersion is the relative name of one version of the key, "1" being the first.
func (n Names) KeyVersion(version string) string { return n.Key() + "/cryptoKeyVersions/" + version }

// KMSRef is a key version as cosign and policy-controller write it.
func (n Names) KMSRef(version string) string { return "gcpkms://" + n.KeyVersion(version) }

// RepositoryID is the repository's short name.
func (n Names) RepositoryID() string { return n.a.Named(n.a.Repository) }

// Repository is the repository's relative name in the Artifact Registry API.
func (n Names) Repository() string { return n.Location() + "/repositories/" + n.RepositoryID() }

// RegistryHost is where the repository's images are pushed and pulled.
func (n Names) RegistryHost() string { return n.a.Region + "-docker.pkg.dev" }

// RepositoryPath is the prefix of every image in the repository: "HOST/PROJECT/REPOSITORY".
// In a project of an old domain-scoped id the colon becomes a slash.
func (n Names) RepositoryPath() string {
	return n.RegistryHost() + "/" + strings.ReplaceAll(n.a.Project, ":", "/") + "/" + n.RepositoryID()
}

// ImageName is the private copy of the image, without tag or digest: the last
// part of the public one's path, in the repository.
func (n Names) ImageName() string {
	name, _ := n.source()
	return n.RepositoryPath() + "/" + name[strings.LastIndex(name, "/")+1:]
}

// SourceName is the public image without tag and digest, with its registry.
func (n Names) SourceName() string {
	name, _ := n.source()
	return name
}

// ImageTag is the tag of the private copy: that of the public image, "latest" if it has none.
func (n Names) ImageTag() string {
	_, tag := n.source()
	return cmp.Or(tag, "latest")
}

// source is the public image without its digest: its name and, "" for none, its tag.
func (n Names) source() (name, tag string) {
	name, _, _ = strings.Cut(n.a.Image, "@")
	if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
		return name[:at], name[at+1:]
	}
	return name, ""
}

// Platform is that of the nodes: Google's own Arm machines have their letters.
func (n Names) Platform() string {
	family, _, _ := strings.Cut(n.a.MachineType, "-")
	if n.Autopilot() { // whose machines are its own choice
		family = ""
	}
	switch family {
	case "t2a", "c4a", "n4a", "a4x":
		return "linux/arm64"
	}
	return "linux/amd64"
}

// ClusterID is the cluster's short name.
func (n Names) ClusterID() string { return n.a.Named(n.a.Cluster) }

// Autopilot says whether Google keeps the cluster's nodes.
func (n Names) Autopilot() bool { return n.a.Shape == state.Autopilot }

// Federated says whether pods have identities of their own.
func (n Names) Federated() bool { return n.a.Federated() }

// WorkloadPool is where pods' identities are: there is one in each project.
func (n Names) WorkloadPool() string { return n.a.Project + ".svc.id.goog" }

// ControllerMember is policy-controller itself, as policies name it: its Kubernetes
// account in any cluster of the project with this number.
func (n Names) ControllerMember(number string) string {
	return "principal://iam.googleapis.com/projects/" + number + "/locations/global/workloadIdentityPools/" + n.WorkloadPool() +
		"/subject/ns/" + controllerNamespace + "/sa/" + controllerAccount
}

// Zonal says whether the cluster has one zone only.
func (n Names) Zonal() bool { return n.a.Shape == state.Zonal }

// Zone is the zone of a zonal cluster.
func (n Names) Zone() string { return cmp.Or(n.a.Zone, state.FirstZone(n.a.Region)) }

// ClusterLocation is the zone or region that the cluster lives in, and with it its operations.
func (n Names) ClusterLocation() string {
	if n.Zonal() {
		return n.Zone()
	}
	return n.a.Region
}

// ClusterParent is the relative name of the cluster's location.
func (n Names) ClusterParent() string {
	return n.Project() + "/locations/" + n.ClusterLocation()
}

// Cluster is the cluster's relative name.
func (n Names) Cluster() string { return n.ClusterParent() + "/clusters/" + n.ClusterID() }

// Nodes is the number of nodes in each zone; the guide has GKE's default, three.
func (n Names) Nodes() int {
	if n.a.Shape == state.Guide {
		return 3
	}
	return n.a.Nodes
}

// DiskGB is the size of each node's disk; the guide has GKE's default.
func (n Names) DiskGB() int {
	if n.a.Shape == state.Guide {
		return 100
	}
	return n.a.DiskGB
}

// AccountID is the short name of the nodes' service account.
func (n Names) AccountID() string { return n.ClusterID() + "-sa" }

// AccountEmail is the service account's address. Of a domain-scoped project
// "example.com:p" the host part is p.example.com.
func (n Names) AccountEmail() string {
	host := n.a.Project
	if domain, id, ok := strings.Cut(host, ":"); ok {
		host = id + "." + domain
	}
	return n.AccountID() + "@" + host + ".iam.gserviceaccount.com"
}

// Account is the service account's relative name.
func (n Names) Account() string { return n.Project() + "/serviceAccounts/" + n.AccountEmail() }

// Member is the service account as policies name it.
func (n Names) Member() string { return "serviceAccount:" + n.AccountEmail() }

// Pins: what is resolved once for a setup and must not move while it lives.
const (
	PinKeyVersion  = "key-version"  // the version that signs and that the policy names: "1"
	PinImageDigest = "image-digest" // of the private copy: "sha256:…"

	// PinOtherVersion is the version that the policy accepts besides, while the key is being
	// rotated: until the images are signed again the new one, from then on the old one.
	PinOtherVersion = "key-version-other"

	PinUnsignedDigest = "unsigned-digest"  // of the image that stays unsigned
	PinWrongKeyDigest = "wrong-key-digest" // of the image that a forgotten key has signed
)

// The tags of the proof's images, beside the copy.
const (
	TagUnsigned = "signgate-unsigned"
	tagWrongKey = "signgate-wrong-key"
)
