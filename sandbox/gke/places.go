package gke

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

//go:embed regions.txt
var regionsFile string

// region is one of Google's.
type region struct {
	name  string
	zones []string
	octet byte // its subnetwork in a default network is 10.OCTET.0.0/20
}

func regions() []region {
	var all []region
	for line := range strings.Lines(regionsFile) {
		var r region
		var letters string
		if n, err := fmt.Sscan(line, &r.name, &letters, &r.octet); err != nil || n != 3 {
			continue // a comment
		}
		for _, l := range letters {
			r.zones = append(r.zones, r.name+"-"+string(l))
		}
		all = append(all, r)
	}
	return all
}

// place finds the region of a zone or region.
func place(location string) (region, bool) {
	for _, r := range regions() {
		if r.name == location || slices.Contains(r.zones, location) {
			return r, true
		}
	}
	return region{}, false
}

// known refuses a location that does not exist; "-" is all of them.
func (s *Service) known(n name) error {
	if _, ok := place(n.location); !ok && n.location != "-" {
		return noLocation(n)
	}
	return nil
}

// zonesOf are those that a cluster's nodes are in, unless it says otherwise.
func zonesOf(location string) []string {
	r, _ := place(location)
	if isZone(location) {
		return []string{location}
	}
	return slices.Clone(r.zones[:min(3, len(r.zones))])
}

// endpoints are the addresses of API servers: a block that is reserved for
// documentation (RFC 5737), so no program takes it for a machine of its own network.
func endpoints() *net.IPNet {
	return &net.IPNet{IP: net.IPv4(203, 0, 113, 0).To4(), Mask: net.CIDRMask(24, 32)}
}

// firstEndpoint leaves room before it for whoever reads addresses as examples.
const firstEndpoint, lastEndpoint = 10, 250

// endpoint is an address that no cluster has; the caller holds the lock.
func (s *Service) endpoint() (string, error) {
	for n := byte(firstEndpoint); n <= lastEndpoint; n++ {
		ip := net.IPv4(203, 0, 113, n).String()
		if !slices.ContainsFunc(s.state.Clusters, func(c *cluster) bool { return c.Endpoint == ip }) {
			return ip, nil
		}
	}
	return "", precondition("The sandbox has no more than %d clusters at once.", lastEndpoint-firstEndpoint+1)
}

// podRange is the n-th /14 that clusters' pods get their addresses from.
func podRange(n int) string {
	return fmt.Sprintf("10.%d.0.0/14", 4*(n%32)) // 10.0.0.0/9; nodes are above it
}

// network is the cluster's VPC network, which may be another project's. Each has addresses
// of its own.
func (c *cluster) network() string {
	if full := c.pb.GetNetworkConfig().GetNetwork(); strings.HasPrefix(full, "projects/") {
		return full
	}
	return "projects/" + c.Project + "/global/networks/" + c.pb.GetNetwork()
}

// neighbours are the clusters of a cluster's network; the caller holds the lock.
func (s *Service) neighbours(c *cluster) []*cluster {
	return slices.DeleteFunc(slices.Clone(s.state.Clusters), func(other *cluster) bool { return other.network() != c.network() })
}

// freePods is a range that no cluster of the network has a part of; the caller holds the
// lock.
func (s *Service) freePods(c *cluster) string {
	there := s.neighbours(c)
	for n := range 32 {
		at := podRange((28 + n) % 32) // 10.112.0.0/14 first
		if !slices.ContainsFunc(there, func(other *cluster) bool { return overlap(other.pb.GetClusterIpv4Cidr(), at) }) {
			return at
		}
	}
	return podRange(28)
}

func overlap(one, other string) bool {
	a, errA := netip.ParsePrefix(one)
	b, errB := netip.ParsePrefix(other)
	return errA == nil && errB == nil && a.Overlaps(b)
}

// freeAddress is an address of the region's subnetwork that no node and no control plane
// of the network has; the caller holds the lock.
func (s *Service) freeAddress(c *cluster, r region) string {
	used := map[string]bool{}
	for _, other := range append(s.neighbours(c), c) {
		used[other.Private] = true
		for _, n := range other.Nodes {
			used[n.IP] = true
		}
	}
	first := binary.BigEndian.Uint32([]byte{10, r.octet, 0, 2})
	for n := range uint32(4000) {
		ip := net.IP(binary.BigEndian.AppendUint32(nil, first+n)).String()
		if !used[ip] {
			return ip
		}
	}
	return net.IP(binary.BigEndian.AppendUint32(nil, first)).String()
}
