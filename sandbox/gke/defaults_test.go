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
