//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"cmp"
	"fmt"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

const (
	servicesRange = "34.118.224.0/20" // of all clusters: Google's own block for it
)

// addresses gives the cluster its ranges and endpoints; the caller holds the lock.
func (s *Service) addresses(c *cluster) {
	ip := c.pb.GetIpAllocationPolicy()
	pods := cmp.Or(written(ip.GetClusterIpv4CidrBlock()), written(c.pb.GetClusterIpv4Cidr()), s.freePods(c))
	services := cmp.Or(written(ip.GetServicesIpv4CidrBlock()), servicesRange)
	c.pb.ClusterIpv4Cidr, ip.ClusterIpv4Cidr, ip.ClusterIpv4CidrBlock = pods, pods, pods
	c.pb.ServicesIpv4Cidr, ip.ServicesIpv4Cidr, ip.ServicesIpv4CidrBlock = services, services, services
	r, _ := place(c.pb.GetLocation())
	c.Private = s.freeAddress(c, r)
	c.pb.ControlPlaneEndpointsConfig.DnsEndpointConfig.Endpoint = fmt.Sprintf("gke-%s-%s.%s.gke.goog", c.UID[:36], c.Number, c.pb.GetLocation())
	ip.ClusterSecondaryRangeName = cmp.Or(ip.GetClusterSecondaryRangeName(), fmt.Sprintf("gke-%s-pods-%s", c.pb.GetName(), c.UID[:8]))
	c.mirror()
	for _, p := range c.pb.GetNodePools() {
		podsOf(c, p)
	}
}

// podsOf shows a pool where its pods get their addresses from.
func podsOf(c *cluster, p *containerpb.NodePool) {
	n := p.GetNetworkConfig()
	n.PodIpv4CidrBlock = cmp.Or(n.GetPodIpv4CidrBlock(), c.pb.GetClusterIpv4Cidr())
	n.PodRange = cmp.Or(n.GetPodRange(), c.pb.GetIpAllocationPolicy().GetClusterSecondaryRangeName())
}

// written is a range that is written out; "" for one that is only a size ("/14").
func written(cidr string) string {
	if cidr == "" || cidr[0] == '/' {
		return ""
	}
	return cidr
}

// touch gives the cluster the marks of a change.
func (c *cluster) touch() {
	c.pb.Etag = etag()
	c.pb.LabelFingerprint = fingerprint(c.pb.GetResourceLabels())
}

// mirror keeps what a cluster shows twice, in its old fields and its new ones, the same
// in both places.
func (c *cluster) mirror() {
	dns, ip := c.pb.ControlPlaneEndpointsConfig.GetDnsEndpointConfig(), c.pb.ControlPlaneEndpointsConfig.GetIpEndpointsConfig()
	old := or(c.pb.GetPrivateClusterConfig())
	old.EnablePrivateNodes = c.pb.GetNetworkConfig().GetDefaultEnablePrivateNodes()
	old.PrivateEndpoint, old.PublicEndpoint, old.EnablePrivateEndpoint = c.Private, c.Endpoint, !ip.GetEnablePublicEndpoint()
	c.pb.PrivateClusterConfig = old
	if !ip.GetEnabled() {
		c.pb.ControlPlaneEndpointsConfig.IpEndpointsConfig = &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: proto.Bool(false)}
		c.pb.MasterAuthorizedNetworksConfig = &containerpb.MasterAuthorizedNetworksConfig{}
		old.PrivateEndpoint, old.PublicEndpoint, old.EnablePrivateEndpoint = "", "", false
		c.pb.Endpoint = dns.GetEndpoint()
		return
	}
	c.pb.MasterAuthorizedNetworksConfig = proto.CloneOf(ip.GetAuthorizedNetworksConfig())
	c.pb.Endpoint, ip.PrivateEndpoint, ip.PublicEndpoint = c.Endpoint, c.Private, c.Endpoint
	if !ip.GetEnablePublicEndpoint() {
		c.pb.Endpoint, ip.PublicEndpoint = c.Private, ""
	}
}

// public says whether the cluster's endpoint is open to the world outside its network.
func (c *cluster) public() bool { return c.pb.GetEndpoint() == c.Endpoint }
