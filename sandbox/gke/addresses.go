package gke

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"cloud.google.com/go/container/apiv1/containerpb"
)

const (
	servicesRange = "34.118.224.0/20" // of all clusters: Google's own block for it
)

// addresses gives the cluster its ranges and endpoints; the caller holds the lock.
func (s *Service) addresses(c *cluster) {
	ip := c.pb.GetIpAllocationPolicy()
	pods := firstOf(network(ip.GetClusterIpv4CidrBlock()), network(c.pb.GetClusterIpv4Cidr()), s.freePods(c.Project))
	services := firstOf(network(ip.GetServicesIpv4CidrBlock()), servicesRange)
	c.pb.ClusterIpv4Cidr, ip.ClusterIpv4Cidr, ip.ClusterIpv4CidrBlock = pods, pods, pods                //nolint:staticcheck // still shown
	c.pb.ServicesIpv4Cidr, ip.ServicesIpv4Cidr, ip.ServicesIpv4CidrBlock = services, services, services //nolint:staticcheck // still shown
	c.pb.Endpoint = c.Endpoint
	r, _ := place(c.pb.GetLocation())
	private := s.freeAddress(c.Project, r, c.Nodes)
	endpoints := c.pb.GetControlPlaneEndpointsConfig()
	endpoints.DnsEndpointConfig.Endpoint = fmt.Sprintf("gke-%s-%s.%s.gke.goog", c.UID[:16], c.Number, c.pb.GetLocation())
	endpoints.IpEndpointsConfig.PrivateEndpoint, endpoints.IpEndpointsConfig.PublicEndpoint = private, c.Endpoint
	old := c.pb.GetPrivateClusterConfig()                         //nolint:staticcheck // still shown
	old.PrivateEndpoint, old.PublicEndpoint = private, c.Endpoint //nolint:staticcheck // as above
	for _, p := range c.pb.GetNodePools() {
		podsOf(c, p)
	}
}

// podsOf shows a pool where its pods get their addresses from.
func podsOf(c *cluster, p *containerpb.NodePool) {
	n := p.GetNetworkConfig()
	n.PodIpv4CidrBlock = firstOf(n.GetPodIpv4CidrBlock(), c.pb.GetClusterIpv4Cidr())
	n.PodRange = firstOf(n.GetPodRange(), fmt.Sprintf("gke-%s-pods-%s", c.pb.GetName(), c.UID[:8]))
	if n.PodIpv4RangeUtilization == 0 {
		n.PodIpv4RangeUtilization = 0.001
	}
}

// network is a range that is written out; "" for one that is only a size ("/14").
func network(cidr string) string {
	if cidr == "" || cidr[0] == '/' {
		return ""
	}
	return cidr
}

// touch gives the cluster the marks of a change.
func (c *cluster) touch() {
	c.pb.Etag = etag()
	c.pb.LabelFingerprint = random(4)
}

func etag() string {
	b, _ := hex.DecodeString(random(8)) // digits of our own
	return base64.StdEncoding.EncodeToString(b)
}
