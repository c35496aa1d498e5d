package steps

import (
	"strings"

	"github.com/signgate/signgate/state"
)

// Describe names a resource as a person would: `key ring "cosign"`.
func Describe(r state.Resource) string {
	if r.Kind == "iam.binding" {
		on, rest, _ := strings.Cut(r.Name, "#")
		role, member, _ := strings.Cut(rest, "#")
		if _, pod, ok := strings.Cut(member, "/subject/ns/"); ok { // a principal's name is long
			member = "Kubernetes account " + strings.Replace(pod, "/sa/", "/", 1)
		}
		return role + " of " + member + " on " + on
	}
	last := r.Name[strings.LastIndex(r.Name, "/")+1:]
	switch r.Kind {
	case "cloudkms.cryptoKeyVersion":
		return "version " + last + " of the key"
	case "image.manifest":
		return "image " + last
	case "image.signature":
		return "signature of " + last
	case "kubernetes.label":
		namespace, label, _ := strings.Cut(r.Name, "#")
		return "label " + label + " of namespace " + namespace
	case "kubernetes.deployment":
		namespace, name, _ := strings.Cut(r.Name, "/")
		return "deployment " + name + " in namespace " + namespace
	case "kubernetes.webhook":
		return "webhook " + r.Name
	case "kubernetes.mutatingWebhook":
		return "mutating webhook " + r.Name
	case "helm.release":
		namespace, name, _ := strings.Cut(r.Name, "/")
		return "Helm release " + name + " in namespace " + namespace
	}
	kind, ok := map[string]string{
		"cloudresourcemanager.project": "project", "serviceusage.service": "API",
		"cloudkms.keyRing": "key ring", "cloudkms.cryptoKey": "key",
		"artifactregistry.repository": "repository", "iam.serviceAccount": "service account",
		"container.cluster": "cluster", "container.nodePool": "node pool",
		"kubernetes.namespace": "namespace", "policy.clusterImagePolicy": "policy", "file": "file",
	}[r.Kind]
	if !ok {
		return r.Kind + " " + r.Name
	}
	return kind + " " + last
}
