package gke

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/signgate/signgate/sandbox/iam"
)

// accessReview is authorization.k8s.io/v1 SubjectAccessReview, as far as it is used.
type accessReview struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Spec       accessSpec   `json:"spec"`
	Status     accessStatus `json:"status"`
}

type accessSpec struct {
	User     string    `json:"user,omitempty"`
	Resource *resource `json:"resourceAttributes,omitempty"`
	Path     *struct {
		Path string `json:"path"`
		Verb string `json:"verb"`
	} `json:"nonResourceAttributes,omitempty"`
}

// resource is what somebody wants to do with an object of Kubernetes.
type resource struct {
	Namespace   string `json:"namespace,omitempty"`
	Verb        string `json:"verb,omitempty"`
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	Name        string `json:"name,omitempty"`
}

type accessStatus struct {
	Allowed bool   `json:"allowed"`
	Denied  bool   `json:"denied,omitempty"` // never: the cluster's own rules may still allow
	Reason  string `json:"reason,omitempty"`
}

// accessReview says whether IAM allows something in a cluster. It has no opinion of the
// cluster's own users, and of paths that are no resources: those are for RBAC.
func (s *Service) accessReview(w http.ResponseWriter, r *http.Request, c *cluster) {
	var review accessReview
	if !read(w, r, &review) {
		return
	}
	review.APIVersion, review.Kind = "authorization.k8s.io/v1", "SubjectAccessReview"
	review.Status = accessStatus{}
	if who, ok := s.principal(review.Spec.User); ok && review.Spec.Resource != nil {
		review.Status = s.allows(who, *review.Spec.Resource, "projects/"+c.Project)
	}
	write(w, review)
}

func (s *Service) allows(who iam.Caller, r resource, project string) accessStatus {
	for _, permission := range permissions(r) {
		if s.iam.Check(who, permission, project) != nil {
			return accessStatus{Reason: fmt.Sprintf("requires one of [\"%s\"] permission(s).", permission)}
		}
	}
	return accessStatus{Allowed: true}
}

// permissions are what IAM asks for: one, unless "*" stands for many. It is never none,
// which everybody would hold.
func permissions(r resource) []string {
	if r.Verb == "*" {
		var all []string
		for _, verb := range []string{"get", "list", "create", "update", "delete"} {
			one := r
			one.Verb = verb
			all = append(all, permissions(one)...)
		}
		return all
	}
	if r.Resource == "*" && given(r.Verb) {
		var all []string
		for _, collection := range strings.Fields(collections) {
			all = append(all, "container."+collection+"."+verb(r.Verb))
		}
		return all
	}
	return []string{"container." + permission(r)}
}

// collections are the kinds of objects that IAM has permissions for, all of whose verbs
// administrators hold.
const collections = `apiServices certificateSigningRequests clusterRoleBindings clusterRoles configMaps cronJobs csiDrivers csiNodes
	customResourceDefinitions daemonSets deployments endpointSlices endpoints events horizontalPodAutoscalers ingresses jobs leases limitRanges
	mutatingWebhookConfigurations namespaces networkPolicies nodes persistentVolumeClaims persistentVolumes podDisruptionBudgets podTemplates pods
	priorityClasses replicaSets replicationControllers resourceQuotas roleBindings roles runtimeClasses secrets serviceAccounts services statefulSets
	storageClasses thirdPartyObjects validatingWebhookConfigurations volumeAttachments controllerRevisions`

// others are kinds with some of the verbs only.
const others = `bindings componentStatuses localSubjectAccessReviews selfSubjectAccessReviews selfSubjectRulesReviews subjectAccessReviews tokenReviews
	backendConfigs frontendConfigs managedCertificates updateInfos storageStates storageVersionMigrations
	volumeSnapshots volumeSnapshotClasses volumeSnapshotContents`

// given says whether a verb is one that all of the collections have.
func given(v string) bool {
	return slices.Contains([]string{"get", "list", "create", "update", "delete"}, verb(v))
}

// verb is Kubernetes' verb as IAM has it.
func verb(v string) string {
	switch v {
	case "watch":
		return "list"
	case "patch":
		return "update"
	case "deletecollection":
		return "delete"
	}
	return v
}

// permission is "RESOURCE.VERB", as IAM names them.
func permission(r resource) string {
	kind := kindOf(r.Group, r.Resource)
	if r.Verb == "impersonate" {
		return "clusters.impersonate"
	}
	if r.Subresource == "" {
		return kind + "." + verb(r.Verb)
	}
	title := strings.ToUpper(r.Subresource[:1]) + r.Subresource[1:]
	switch kind + "/" + r.Subresource {
	case "pods/log":
		return "pods.getLogs"
	case "pods/exec", "pods/attach", "pods/proxy", "services/proxy", "nodes/proxy":
		return kind + "." + r.Subresource
	case "pods/portforward":
		return "pods.portForward"
	case "pods/eviction":
		return "pods.evict"
	case "pods/binding":
		return "bindings.create"
	case "namespaces/finalize":
		return "namespaces.finalize"
	case "serviceAccounts/token":
		return "serviceAccounts.createToken"
	case "certificateSigningRequests/approval":
		return "certificateSigningRequests.approve"
	case "deployments/rollback":
		return "deployments.rollback"
	}
	if kind == "thirdPartyObjects" || r.Subresource != "status" && r.Subresource != "scale" {
		return kind + "." + verb(r.Verb) // a part of the object, with no permission of its own
	}
	return kind + "." + verb(r.Verb) + title
}

// kindOf is the kind of object that IAM knows. What Kubernetes does not have itself is
// a third party's.
func kindOf(group, plural string) string {
	builtin := group == "" || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
	switch group {
	case "cloud.google.com", "networking.gke.io", "nodemanagement.gke.io", "snapshot.storage.k8s.io", "migration.k8s.io":
		builtin = true
	case "policy.networking.k8s.io", "gateway.networking.k8s.io", "node.gke.io", "apps.k8s.io":
		builtin = false
	}
	if builtin {
		for _, kind := range append(strings.Fields(collections), strings.Fields(others)...) {
			if strings.EqualFold(kind, plural) && kind != "thirdPartyObjects" {
				return kind
			}
		}
	}
	return "thirdPartyObjects"
}
