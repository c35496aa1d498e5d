//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// What a request leaves open is as Google fills it in.
func TestDefaults(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, montreal, &containerpb.Cluster{Name: "regional", InitialNodeCount: 2, ResourceLabels: map[string]string{"a": "b"}})
	c := w.get(t, montreal, "regional")
	p, _ := w.k.Project(project)
	for what, pair := range map[string][2]string{
		"self link":       {c.GetSelfLink(), "https://container.googleapis.com/v1/projects/acme-demo/locations/northamerica-northeast1/clusters/regional"},
		"locations":       {strings.Join(c.GetLocations(), " "), "northamerica-northeast1-a northamerica-northeast1-b northamerica-northeast1-c"},
		"nodes":           {fmt.Sprint(c.GetCurrentNodeCount()), "6"},
		"pool":            {c.GetNodePools()[0].GetName(), "default-pool"},
		"machine":         {c.GetNodeConfig().GetMachineType(), "e2-medium"},
		"disk":            {fmt.Sprint(c.GetNodeConfig().GetDiskSizeGb(), c.GetNodeConfig().GetDiskType()), "100pd-balanced"},
		"account":         {c.GetNodeConfig().GetServiceAccount(), "default"},
		"network":         {c.GetNetworkConfig().GetSubnetwork(), "projects/acme-demo/regions/northamerica-northeast1/subnetworks/default"},
		"channel":         {c.GetReleaseChannel().GetChannel().String(), "REGULAR"},
		"versions":        {c.GetCurrentMasterVersion() + " " + c.GetNodePools()[0].GetVersion(), current + " " + current},
		"DNS endpoint":    {c.GetControlPlaneEndpointsConfig().GetDnsEndpointConfig().GetEndpoint(), "gke-" + c.GetId()[:36] + "-" + p.Number + ".northamerica-northeast1.gke.goog"},
		"pods":            {c.GetIpAllocationPolicy().GetClusterSecondaryRangeName(), "gke-regional-pods-" + c.GetId()[:8]},
		"instance groups": {fmt.Sprint(len(c.GetInstanceGroupUrls())), "3"},
		"scopes":          {strings.Join(c.GetNodeConfig().GetOauthScopes(), " "), strings.Join(nodeScopes(), " ")},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", what, pair[0], pair[1])
		}
	}
	w.create(t, montreal, small("second"))
	if d := w.get(t, montreal, "second"); d.GetEndpoint() == c.GetEndpoint() || d.GetClusterIpv4Cidr() == c.GetClusterIpv4Cidr() || d.GetLabelFingerprint() == c.GetLabelFingerprint() {
		t.Errorf("two clusters with one address, range or fingerprint: %s %s %s", d.GetEndpoint(), d.GetClusterIpv4Cidr(), d.GetLabelFingerprint())
	}
	in := w.inside(t, c)
	seen := map[string]bool{}
	for _, n := range in.Nodes {
		if seen[n.Name] || seen[n.InternalIP] || !strings.HasPrefix(n.Name, "gke-regional-default-pool-") || !strings.HasPrefix(n.InternalIP, "10.162.") || n.CPU != "940m" {
			t.Errorf("node %+v", n)
		}
		seen[n.Name], seen[n.InternalIP] = true, true
	}
}

// update changes a cluster of the zone and returns it as it is then.
func (w *world) update(t testing.TB, name string, u *containerpb.ClusterUpdate) *containerpb.Cluster {
	t.Helper()
	op, err := w.UpdateCluster(w.ctx, &containerpb.UpdateClusterRequest{Name: zone + "/clusters/" + name, Update: u})
	check(t, err)
	if done := w.done(t, zone, op); done.GetError() != nil || done.GetOperationType() == 0 {
		t.Errorf("update: %v", done)
	}
	return w.get(t, zone, name)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	before := w.get(t, zone, "one")
	c := w.update(t, "one", &containerpb.ClusterUpdate{DesiredControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: proto.Bool(true)}}})
	want := proto.CloneOf(before)
	want.ControlPlaneEndpointsConfig.DnsEndpointConfig.AllowExternalTraffic = proto.Bool(true)
	want.Etag = c.GetEtag()
	if !proto.Equal(c, want) {
		t.Errorf("more has changed than was asked for:\n got %v\nwant %v", c, want)
	}
	c = w.update(t, "one", &containerpb.ClusterUpdate{DesiredControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
		IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: proto.Bool(false)}}})
	if c.GetEndpoint() != c.GetControlPlaneEndpointsConfig().GetDnsEndpointConfig().GetEndpoint() || c.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig().GetPublicEndpoint() != "" {
		t.Errorf("without endpoints by address: %s %v", c.GetEndpoint(), c.GetControlPlaneEndpointsConfig())
	}
	if _, err := w.ask(t, before.GetEndpoint(), "hello"); err == nil || !strings.Contains(err.Error(), "has no endpoint that is open") {
		t.Errorf("dial: %v", err)
	}
	c = w.update(t, "one", &containerpb.ClusterUpdate{DesiredControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
		IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: proto.Bool(true)}}})
	if answer, err := w.ask(t, c.GetEndpoint(), "hello"); answer != "one 1" {
		t.Errorf("with them again: %q %v", answer, err)
	}
	c = w.update(t, "one", &containerpb.ClusterUpdate{DesiredLoggingService: "none", DesiredDefaultEnablePrivateNodes: proto.Bool(true),
		DesiredWorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: project + ".svc.id.goog"}})
	if c.GetLoggingService() != "none" || !c.GetPrivateClusterConfig().GetEnablePrivateNodes() || c.GetWorkloadIdentityConfig().GetWorkloadPool() == "" {
		t.Errorf("%v", c)
	}
	for name, test := range map[string]struct {
		update *containerpb.ClusterUpdate
		words  string
	}{
		"nothing":         {&containerpb.ClusterUpdate{}, "Must specify a field to update."},
		"unknown version": {&containerpb.ClusterUpdate{DesiredMasterVersion: "1.20"}, `No valid versions with the prefix "1.20" found.`},
		"old etag":        {&containerpb.ClusterUpdate{DesiredLoggingService: "none", Etag: before.GetEtag()}, "Etag mismatch: the cluster was changed meanwhile."},
		"another pool":    {&containerpb.ClusterUpdate{DesiredWorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: "other.svc.id.goog"}}, "Currently, the only supported identity namespace is the project's own: acme-demo.svc.id.goog."},
		"what is not in the sandbox": {&containerpb.ClusterUpdate{DesiredEnterpriseConfig: &containerpb.DesiredEnterpriseConfig{DesiredTier: containerpb.EnterpriseConfig_ENTERPRISE}},
			"ClusterUpdate.desired_enterprise_config is not part of the sandbox."},
	} {
		_, err := w.UpdateCluster(w.ctx, &containerpb.UpdateClusterRequest{Name: zone + "/clusters/one", Update: test.update})
		if s := status.Convert(err); s.Message() != test.words {
			t.Errorf("%s: %v %q", name, s.Code(), s.Message())
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	print := w.get(t, zone, "one").GetLabelFingerprint()
	request := &containerpb.SetLabelsRequest{Name: zone + "/clusters/one", ResourceLabels: map[string]string{"team": "red"}, LabelFingerprint: print}
	op, err := w.SetLabels(w.ctx, request)
	check(t, err)
	w.done(t, zone, op)
	if c := w.get(t, zone, "one"); c.GetResourceLabels()["team"] != "red" || c.GetLabelFingerprint() == print {
		t.Errorf("%v %s", c.GetResourceLabels(), c.GetLabelFingerprint())
	}
	_, err = w.SetLabels(w.ctx, request)
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "Labels could not be set due to fingerprint mismatch." {
		t.Error(err)
	}
	request.ResourceLabels = map[string]string{"Team": "red"}
	if _, err = w.SetLabels(w.ctx, request); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

// Node pools come and go, and the cluster's process has their nodes.
func TestNodePools(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	const cluster = zone + "/clusters/one"
	nodes := func(want string) {
		t.Helper()
		if answer, err := w.ask(t, w.get(t, zone, "one").GetEndpoint(), "hello"); answer != want {
			t.Errorf("the cluster says %q, want %q (%v)", answer, want, err)
		}
	}
	do := func(op *containerpb.Operation, err error) {
		t.Helper()
		check(t, err)
		if done := w.done(t, zone, op); done.GetError() != nil {
			t.Error(done)
		}
	}
	pool := &containerpb.NodePool{Name: "more", InitialNodeCount: 2, Config: &containerpb.NodeConfig{MachineType: "n2-standard-4", Labels: map[string]string{"tier": "web"}}}
	op, err := w.CreateNodePool(w.ctx, &containerpb.CreateNodePoolRequest{Parent: cluster, NodePool: pool})
	do(op, err)
	if op.GetOperationType() != containerpb.Operation_CREATE_NODE_POOL || !strings.HasSuffix(op.GetTargetLink(), "/zones/us-central1-a/clusters/one/nodePools/more") {
		t.Error(op)
	}
	nodes("one 3")
	more, err := w.GetNodePool(w.ctx, &containerpb.GetNodePoolRequest{Name: cluster + "/nodePools/more"})
	check(t, err)
	if more.GetStatus() != containerpb.NodePool_RUNNING || more.GetConfig().GetImageType() != "COS_CONTAINERD" {
		t.Error(more)
	}
	_, err = w.CreateNodePool(w.ctx, &containerpb.CreateNodePoolRequest{Parent: cluster, NodePool: pool})
	if s := status.Convert(err); s.Code() != codes.AlreadyExists || s.Message() != "Already exists: projects/acme-demo/zones/us-central1-a/clusters/one/nodePools/more." {
		t.Error(err)
	}
	do(w.SetNodePoolSize(w.ctx, &containerpb.SetNodePoolSizeRequest{Name: cluster + "/nodePools/more", NodeCount: 4}))
	nodes("one 5")
	do(w.SetNodePoolSize(w.ctx, &containerpb.SetNodePoolSizeRequest{Name: cluster + "/nodePools/more", NodeCount: 1}))
	nodes("one 2")
	do(w.UpdateNodePool(w.ctx, &containerpb.UpdateNodePoolRequest{Name: cluster + "/nodePools/more",
		Taints: &containerpb.NodeTaints{Taints: []*containerpb.NodeTaint{{Key: "k", Value: "v", Effect: containerpb.NodeTaint_NO_SCHEDULE}}}}))
	do(w.UpdateNodePool(w.ctx, &containerpb.UpdateNodePoolRequest{Name: cluster + "/nodePools/more", Labels: &containerpb.NodeLabels{Labels: map[string]string{"zone": "inner"}}}))
	do(w.DeleteNodePool(w.ctx, &containerpb.DeleteNodePoolRequest{Name: cluster + "/nodePools/default-pool"}))
	nodes("one 1")
	log, err := os.ReadFile(filepath.Join(w.folder(w.get(t, zone, "one").GetId()), "tended"))
	check(t, err)
	for what, want := range map[string]int{
		"DELETE /api/v1/nodes/gke-one-more-": 3, "DELETE /api/v1/nodes/gke-one-default-pool-": 1, "PATCH /api/v1/nodes/gke-one-default-pool-": 0,
		`{"metadata":{"labels":{"tier":"web"}}}`:                              4, // two nodes at first, two more later
		`{"spec":{"taints":[{"effect":"NoSchedule","key":"k","value":"v"}]}}`: 1,
		`{"metadata":{"labels":{"tier":null,"zone":"inner"}}}`:                1,
	} {
		if n := strings.Count(string(log), what); n != want {
			t.Errorf("%s: %d times, want %d:\n%s", what, n, want, log)
		}
	}
	list, err := w.ListNodePools(w.ctx, &containerpb.ListNodePoolsRequest{Parent: cluster})
	check(t, err)
	if len(list.GetNodePools()) != 1 || len(list.GetNodePools()[0].GetConfig().GetTaints()) != 1 || w.get(t, zone, "one").GetNodeConfig() != nil {
		t.Error(list)
	}
	_, err = w.DeleteNodePool(w.ctx, &containerpb.DeleteNodePoolRequest{Name: cluster + "/nodePools/default-pool"})
	if status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

// A pool can have a thousand nodes in a zone.
func TestMachineNames(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	r, _ := place("us-central1-a")
	c := &cluster{Project: project, pb: &containerpb.Cluster{}}
	names := map[string]bool{}
	for range 1000 {
		n := w.machine(c, &containerpb.NodePool{}, r, "us-central1-a", "gke-one")
		if names[n.Name] {
			t.Fatalf("two are called %s", n.Name)
		}
		names[n.Name] = true
		c.Nodes = append(c.Nodes, n)
	}
}

func TestMachines(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"e2-medium": "940m 2869548Ki", "e2-standard-2": "1930m", "n1-standard-4": "3920m", "n2-highmem-8": "7910m", "e2-custom-2-8192": "1930m", "no such": "1930m", "": "1930m",
	} {
		if m := machineOf(kind); !strings.HasPrefix(m.cpu+" "+m.memory, want) || !strings.HasSuffix(m.memory, "Ki") || strings.HasPrefix(m.memory, "-") {
			t.Errorf("%q: %s %s, want %s", kind, m.cpu, m.memory, want)
		}
	}
}

// Every zone is in its region, and every region has its own subnetwork.
func TestPlaces(t *testing.T) {
	t.Parallel()
	octets := map[byte]bool{}
	for _, r := range regions() {
		if isZone(r.name) || octets[r.octet] || r.octet < 128 || r.octet%2 != 0 {
			t.Errorf("region %+v", r)
		}
		octets[r.octet] = true
		for _, z := range r.zones {
			if got, ok := place(z); !ok || got.name != r.name || !isZone(z) || regionOf(z) != r.name {
				t.Errorf("zone %s is in %s", z, got.name)
			}
		}
	}
	if len(octets) < 40 {
		t.Errorf("only %d regions", len(octets))
	}
}

// Addresses are a network's: another has the same ones. An endpoint is reached by its address
// alone, whatever its network.
func TestNetworks(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	on := func(name, network string) *containerpb.Cluster {
		c := small(name)
		c.Network = network
		w.create(t, zone, c)
		return w.get(t, zone, name)
	}
	own := small("own")
	own.ClusterIpv4Cidr = "10.116.8.0/21"
	w.create(t, zone, own)
	endpoints := map[string]bool{}
	for _, test := range []struct{ name, network, pods, private string }{
		{"one", "", "10.112.0.0/14", "10.128.0.4"}, // after the control plane and the node of own
		{"two", "projects/acme-demo/global/networks/default", "10.120.0.0/14", "10.128.0.6"},
		{"three", "inner", "10.112.0.0/14", "10.128.0.2"},
		{"four", "projects/acme-demo/global/networks/inner", "10.116.0.0/14", "10.128.0.4"},
		{"five", "projects/acme-tools/global/networks/inner", "10.112.0.0/14", "10.128.0.2"},
	} {
		c := on(test.name, test.network)
		private := c.GetPrivateClusterConfig().GetPrivateEndpoint()
		if c.GetClusterIpv4Cidr() != test.pods || private != test.private || endpoints[c.GetEndpoint()] {
			t.Errorf("%s: pods %s, control plane %s, endpoint %s; want %s and %s", test.name, c.GetClusterIpv4Cidr(), private, c.GetEndpoint(), test.pods, test.private)
		}
		endpoints[c.GetEndpoint()] = true
		if ip := w.inside(t, c).Nodes[0].InternalIP; ip == private {
			t.Errorf("%s: node and control plane have the address %s", test.name, ip)
		}
	}
}
