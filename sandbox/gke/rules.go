package gke

import (
	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/iam"
)

// rules name the permission of each method. Kubernetes Engine has no policies of its
// own resources: what counts is the project's.
func rules() []iam.Rule {
	resource := func(m proto.Message) string { return requested(m).cluster().resource() }
	rule := func(method, permission string) iam.Rule {
		return iam.Rule{Method: "/google.container.v1.ClusterManager/" + method, API: Host, Permission: permission,
			Resource: resource, Changes: iam.Changing(method), Denied: denied}
	}
	var all []iam.Rule
	for permission, methods := range map[string][]string{
		"container.clusters.list":   {"ListClusters", "GetServerConfig"},
		"container.clusters.get":    {"GetCluster", "ListNodePools", "GetNodePool"},
		"container.clusters.create": {"CreateCluster"},
		"container.clusters.delete": {"DeleteCluster"},
		"container.clusters.update": {
			"UpdateCluster", "UpdateMaster", "SetAddonsConfig", "SetLabels", "SetLegacyAbac", "SetLocations", "SetLoggingService", "SetMaintenancePolicy",
			"SetMonitoringService", "SetNetworkPolicy",
			"CreateNodePool", "DeleteNodePool", "UpdateNodePool", "SetNodePoolAutoscaling", "SetNodePoolManagement", "SetNodePoolSize",
		},
		"container.operations.get":  {"GetOperation"},
		"container.operations.list": {"ListOperations"},
	} {
		for _, m := range methods {
			all = append(all, rule(m, permission))
		}
	}
	cancel := rule("CancelOperation", "container.operations.get") // no predefined role has container.operations.cancel alone
	cancel.Permission, cancel.Changes = "container.clusters.update", true
	all = append(all, cancel)
	others := iam.Unserved(&containerpb.ClusterManager_ServiceDesc, all, Host, "container.clusters.get", "container.clusters.update")
	for i := range others {
		others[i].Resource, others[i].Denied = resource, denied
	}
	return append(all, others...)
}
