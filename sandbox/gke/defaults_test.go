//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// A field that is given is the only one that differs from the defaults.
func TestOneField(t *testing.T) {
	t.Parallel()
	n := name{project: project, number: "1", location: "us-central1-a", kind: "clusters", id: "one"}
	access := func(c *containerpb.Cluster) *containerpb.Cluster {
		defaults(n, c)
		return &containerpb.Cluster{ControlPlaneEndpointsConfig: c.GetControlPlaneEndpointsConfig(), RbacBindingConfig: c.GetRbacBindingConfig()}
	}
	dns := func(d *containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig) *containerpb.Cluster {
		return &containerpb.Cluster{ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{DnsEndpointConfig: d}}
	}
	ip := func(i *containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig) *containerpb.Cluster {
		return &containerpb.Cluster{ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{IpEndpointsConfig: i}}
	}
	rbac := func(r *containerpb.RBACBindingConfig) *containerpb.Cluster {
		return &containerpb.Cluster{RbacBindingConfig: r}
	}
	for what, given := range map[string]*containerpb.Cluster{
		"external traffic":          dns(&containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: proto.Bool(true)}),
		"tokens":                    dns(&containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{EnableK8STokensViaDns: proto.Bool(true)}),
		"certificates":              dns(&containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{EnableK8SCertsViaDns: proto.Bool(true)}),
		"traffic without tokens":    dns(&containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: proto.Bool(true), EnableK8STokensViaDns: proto.Bool(false)}),
		"no endpoints by address":   ip(&containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: proto.Bool(false)}),
		"no public endpoint":        ip(&containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{EnablePublicEndpoint: proto.Bool(false)}),
		"no role for everybody":     rbac(&containerpb.RBACBindingConfig{EnableInsecureBindingSystemUnauthenticated: proto.Bool(false)}),
		"no role for all signed in": rbac(&containerpb.RBACBindingConfig{EnableInsecureBindingSystemAuthenticated: proto.Bool(false)}),
	} {
		want := access(&containerpb.Cluster{})
		proto.Merge(want, given)
		if got := access(given); !proto.Equal(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", what, got, want)
		}
	}
}

// What is filled in shares nothing with what it is made of.
func TestFill(t *testing.T) {
	t.Parallel()
	shared := proto.Bool(true)
	wanted := &containerpb.RBACBindingConfig{}
	out := fill(wanted, &containerpb.RBACBindingConfig{EnableInsecureBindingSystemAuthenticated: shared, EnableInsecureBindingSystemUnauthenticated: shared})
	again := fill(&containerpb.RBACBindingConfig{EnableInsecureBindingSystemAuthenticated: proto.Bool(false)}, out)
	if !*shared || !out.GetEnableInsecureBindingSystemAuthenticated() || again.GetEnableInsecureBindingSystemAuthenticated() || !again.GetEnableInsecureBindingSystemUnauthenticated() {
		t.Errorf("%v, %v, %v", *shared, out, again)
	}
}

// A cluster's confidential nodes are those of all its pools.
func TestConfidentialNodes(t *testing.T) {
	t.Parallel()
	off := &containerpb.ConfidentialNodes{}
	on := &containerpb.ConfidentialNodes{Enabled: true}
	sev := &containerpb.ConfidentialNodes{Enabled: true, ConfidentialInstanceType: containerpb.ConfidentialNodes_SEV}
	snp := &containerpb.ConfidentialNodes{Enabled: true, ConfidentialInstanceType: containerpb.ConfidentialNodes_SEV_SNP}
	for _, test := range []struct {
		name                   string
		cluster, node          *containerpb.ConfidentialNodes // asked for, and
		showCluster, showNodes *containerpb.ConfidentialNodes
	}{
		{"none", nil, nil, nil, nil},
		{"off", off, nil, off, nil},
		{"in the cluster", on, nil, sev, sev},
		{"in the cluster, with a type", snp, nil, snp, snp},
		{"in the nodes", off, on, off, sev},
		{"in both", on, snp, sev, snp},
		{"not in the nodes", on, off, sev, sev},
	} {
		c := &containerpb.Cluster{InitialNodeCount: 1, ConfidentialNodes: proto.CloneOf(test.cluster), NodeConfig: &containerpb.NodeConfig{ConfidentialNodes: proto.CloneOf(test.node)}}
		defaults(name{project: project, location: "us-central1-a"}, c)
		if !proto.Equal(c.GetConfidentialNodes(), test.showCluster) {
			t.Errorf("%s: %v, want %v", test.name, c.GetConfidentialNodes(), test.showCluster)
		}
		for _, config := range []*containerpb.NodeConfig{c.GetNodeConfig(), c.GetNodePools()[0].GetConfig()} {
			if !proto.Equal(config.GetConfidentialNodes(), test.showNodes) {
				t.Errorf("%s: nodes %v, want %v", test.name, config.GetConfidentialNodes(), test.showNodes)
			}
		}
		later := &containerpb.NodePool{Name: "later"}
		if poolDefaults(c, later); !proto.Equal(later.GetConfig().GetConfidentialNodes(), test.showNodes) && test.node == nil {
			t.Errorf("%s: nodes of a later pool %v", test.name, later.GetConfig().GetConfidentialNodes())
		}
	}
}
