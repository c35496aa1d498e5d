//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// On Autopilot pods have identities of their own, and nodes are nobody's to change.
func TestAutopilot(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	nodes := w.newAccount(t, "the-nodes")
	wanted := &containerpb.Cluster{Name: "auto", Autopilot: &containerpb.Autopilot{Enabled: true}, Autoscaling: &containerpb.ClusterAutoscaling{
		AutoprovisioningNodePoolDefaults: &containerpb.AutoprovisioningNodePoolDefaults{ServiceAccount: nodes.Email}}}
	_, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: zone, Cluster: wanted})
	if status.Convert(err).Message() != "Autopilot clusters must be regional clusters." {
		t.Error(err)
	}
	many := proto.CloneOf(wanted)
	many.DefaultMaxPodsConstraint = &containerpb.MaxPodsConstraint{MaxPodsPerNode: 110}
	_, err = w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: montreal, Cluster: many})
	if status.Convert(err).Message() != "Max pods constraint on node pools for Autopilot clusters should be 32." {
		t.Error(err)
	}
	p, _ := w.k.Project(project)
	member := "principal://iam.googleapis.com/projects/" + p.Number + "/locations/global/workloadIdentityPools/acme-demo.svc.id.goog/subject/ns/a/sa/b"
	policy := &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/cloudkms.viewer", Members: []string{member}}}}
	if _, err := w.k.SetPolicy("projects/acme-demo/locations/l/keyRings/r", policy, nil); !strings.HasPrefix(status.Convert(err).Message(), "Identity Pool does not exist (projects/"+p.Number) {
		t.Errorf("before the project's first pool: %v", err)
	}
	w.create(t, montreal, wanted)
	if _, err := w.k.SetPolicy("projects/acme-demo/locations/l/keyRings/r", policy, nil); err != nil {
		t.Error(err)
	}
	c := w.get(t, montreal, "auto")
	if c.GetWorkloadIdentityConfig().GetWorkloadPool() != "acme-demo.svc.id.goog" || c.GetStatus() != containerpb.Cluster_RUNNING || !c.GetAutopilot().GetEnabled() {
		t.Error(c)
	}
	in := w.inside(t, c)
	if !strings.HasPrefix(in.Nodes[0].Name, "gk3-auto-") {
		t.Errorf("a node is called %s", in.Nodes[0].Name)
	}
	if _, err := w.UpdateCluster(w.ctx, &containerpb.UpdateClusterRequest{Name: montreal + "/clusters/auto", Update: &containerpb.ClusterUpdate{
		DesiredWorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{}}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("without identities for pods: %v", err)
	}
	if caller, _, _ := in.token(w, "", in.node()); caller.Email != nodes.Email || strings.Join(caller.Scopes, " ") != cloudPlatform {
		t.Errorf("node: %+v", caller)
	}
	if caller, _, _ := in.token(w, "", in.pod("a", "b")); !strings.HasSuffix(caller.Member, "/workloadIdentityPools/acme-demo.svc.id.goog/subject/ns/a/sa/b") {
		t.Errorf("pod: %+v", caller)
	}
	for name, err := range map[string]error{
		"list":   second(w.ListNodePools(w.ctx, &containerpb.ListNodePoolsRequest{Parent: montreal + "/clusters/auto"})),
		"get":    second(w.GetNodePool(w.ctx, &containerpb.GetNodePoolRequest{Name: montreal + "/clusters/auto/nodePools/default-pool"})),
		"create": second(w.CreateNodePool(w.ctx, &containerpb.CreateNodePoolRequest{Parent: montreal + "/clusters/auto", NodePool: &containerpb.NodePool{Name: "more"}})),
		"delete": second(w.DeleteNodePool(w.ctx, &containerpb.DeleteNodePoolRequest{Name: montreal + "/clusters/auto/nodePools/default-pool"})),
		"resize": second(w.SetNodePoolSize(w.ctx, &containerpb.SetNodePoolSizeRequest{Name: montreal + "/clusters/auto/nodePools/default-pool", NodeCount: 2})),
	} {
		if status.Convert(err).Message() != "Autopilot node pools cannot be accessed or modified." {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Latency and quota can be changed while the sandbox is up.
func TestSwitches(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.SetQuota(NewProject())
	guide := &containerpb.Cluster{Name: "guide", InitialNodeCount: 3}
	_, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: montreal, Cluster: guide})
	if words := status.Convert(err).Message(); !strings.Contains(words, `resource "SSD_TOTAL_GB": request requires '900.0' and is short '400.0'. project has a quota of '500.0' with '500.0' available.`) {
		t.Error(words)
	}
	w.SetQuota(nil)
	w.SetLatency(Latency{Create: time.Hour})
	op, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: montreal, Cluster: guide})
	check(t, err)
	uid := ""
	until(t, "a process that is ready", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		uid = w.state.Clusters[0].UID
		k := w.keepers[uid]
		return k != nil && k.address != ""
	})
	if op, err = w.GetOperation(w.ctx, &containerpb.GetOperationRequest{Name: montreal + "/operations/" + op.GetName()}); op.GetStatus() != containerpb.Operation_RUNNING || metrics(op) != "0/8 0/12 0/2" {
		t.Errorf("%v %v", op, err)
	}
}
