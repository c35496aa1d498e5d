//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

const defaultPool = "default-pool"

// nodeScopes are those of a node pool that asks for none.
func nodeScopes() []string {
	var all []string
	for _, s := range []string{"devstorage.read_only", "logging.write", "monitoring", "service.management.readonly", "servicecontrol", "trace.append"} {
		all = append(all, "https://www.googleapis.com/auth/"+s)
	}
	return all
}

// poolsOf fills in the cluster's node pools, or makes the one that it gets by default.
func poolsOf(c *containerpb.Cluster) {
	asked := len(c.GetNodePools()) > 0
	if !asked {
		c.NodePools = []*containerpb.NodePool{{Name: defaultPool, InitialNodeCount: c.GetInitialNodeCount(), Config: proto.CloneOf(c.GetNodeConfig())}}
	}
	c.NodeConfig = nil
	for i, p := range c.GetNodePools() {
		if !asked || len(p.GetLocations()) == 0 {
			p.Locations = c.GetLocations()
		}
		poolDefaults(c, p)
		if i == 0 || p.GetName() == defaultPool {
			c.NodeConfig = proto.CloneOf(p.GetConfig())
		}
	}
}

// poolDefaults fills in what a node pool leaves open.
func poolDefaults(c *containerpb.Cluster, p *containerpb.NodePool) {
	if len(p.GetLocations()) == 0 {
		p.Locations = c.GetLocations()
	}
	p.Version = current
	p.SelfLink = c.GetSelfLink() + "/nodePools/" + p.GetName()
	p.Conditions, p.StatusMessage, p.InstanceGroupUrls = nil, "", nil
	p.Status = containerpb.NodePool_PROVISIONING
	p.Etag = etag()
	p.Config = nodeDefaults(or(p.Config), c)
	if p.Management == nil {
		p.Management = &containerpb.NodeManagement{AutoRepair: true, AutoUpgrade: true}
	}
	p.MaxPodsConstraint = fill(or(p.MaxPodsConstraint), c.GetDefaultMaxPodsConstraint())
	if p.UpgradeSettings == nil {
		p.UpgradeSettings = surge(&containerpb.NodePool_UpgradeSettings{MaxSurge: 1})
	}
	if a := p.GetAutoscaling(); a.GetEnabled() && p.GetInitialNodeCount() < a.GetMinNodeCount() {
		p.InitialNodeCount = a.GetMinNodeCount()
	}
	p.PodIpv4CidrSize = 24
	p.NetworkConfig = fill(or(p.NetworkConfig), &containerpb.NodeNetworkConfig{
		Subnetwork:         c.GetNetworkConfig().GetSubnetwork(),
		EnablePrivateNodes: c.GetNetworkConfig().DefaultEnablePrivateNodes, NetworkTierConfig: defaultTier(),
	})
}

func nodeDefaults(wanted *containerpb.NodeConfig, c *containerpb.Cluster) *containerpb.NodeConfig {
	out := fill(wanted, &containerpb.NodeConfig{
		MachineType: "e2-medium", ImageType: "COS_CONTAINERD", ServiceAccount: "default",
		EffectiveCgroupMode:    containerpb.NodeConfig_EFFECTIVE_CGROUP_MODE_V2,
		ShieldedInstanceConfig: &containerpb.ShieldedInstanceConfig{EnableIntegrityMonitoring: true},
		WindowsNodeConfig:      &containerpb.WindowsNodeConfig{},
		NodeImageConfig:        &containerpb.CustomImageConfig{Image: nodeImage, ImageProject: "gke-node-images"},
		KubeletConfig:          &containerpb.NodeKubeletConfig{InsecureKubeletReadonlyPortEnabled: proto.Bool(false), MaxParallelImagePulls: 2},
		OauthScopes:            nodeScopes(),
	})
	if c.GetConfidentialNodes().GetEnabled() { // then all nodes are
		out.ConfidentialNodes = fill(or(out.ConfidentialNodes), c.GetConfidentialNodes())
	}
	confidential(out.ConfidentialNodes)
	size, kind := diskSize(wanted), cmp.Or(wanted.GetBootDisk().GetDiskType(), wanted.GetDiskType())
	if size == 0 {
		size = 100
	}
	if kind == "" {
		kind = diskOf(out.GetMachineType())
	}
	out.BootDisk = or(out.BootDisk)
	out.DiskSizeGb, out.DiskType, out.BootDisk.SizeGb, out.BootDisk.DiskType = int32(size), kind, size, kind
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	if out.Metadata["disable-legacy-endpoints"] == "" {
		out.Metadata["disable-legacy-endpoints"] = "true"
	}
	if out.ResourceLabels == nil {
		out.ResourceLabels = map[string]string{}
	}
	model := "on-demand"
	if out.GetSpot() {
		model = "spot"
	} else if out.GetPreemptible() {
		model = "preemptible"
	}
	out.ResourceLabels["goog-gke-node-pool-provisioning-model"] = model
	if c.GetWorkloadIdentityConfig().GetWorkloadPool() != "" && out.WorkloadMetadataConfig == nil {
		out.WorkloadMetadataConfig = &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA}
	}
	return out
}

// confidential fills in the technology: the oldest, where none is asked for.
func confidential(n *containerpb.ConfidentialNodes) {
	if n.GetEnabled() && n.GetConfidentialInstanceType() == containerpb.ConfidentialNodes_CONFIDENTIAL_INSTANCE_TYPE_UNSPECIFIED {
		n.ConfidentialInstanceType = containerpb.ConfidentialNodes_SEV
	}
}

// diskOf is the disk type that a machine type gets: the newest families take no other.
func diskOf(machineType string) string {
	for _, family := range []string{"n4-", "c4-", "c4a-", "n4a-", "n4d-", "c4d-"} {
		if len(machineType) > len(family) && machineType[:len(family)] == family {
			return "hyperdisk-balanced"
		}
	}
	return "pd-balanced"
}

// populate gives a node pool its nodes: names, addresses and instance groups; the caller
// holds the lock.
func (s *Service) populate(c *cluster, p *containerpb.NodePool) {
	r, _ := place(c.pb.GetLocation())
	group := random(4)
	p.InstanceGroupUrls = nil
	for i, zone := range p.GetLocations() {
		base := fmt.Sprintf("%s-%s-%s-%s", machinePrefix(c.pb), cut(c.pb.GetName(), 20), cut(p.GetName(), 20), group)
		p.InstanceGroupUrls = append(p.InstanceGroupUrls, "https://www.googleapis.com/compute/v1/projects/"+c.Project+"/zones/"+zone+"/instanceGroupManagers/"+base+"-grp")
		for range p.GetInitialNodeCount() {
			c.Nodes = append(c.Nodes, s.machine(c, p, r, zone, base))
		}
		if i+1 < len(p.GetLocations()) {
			group = random(4)
		}
	}
}

// machinePrefix begins the names of a cluster's machines.
func machinePrefix(c *containerpb.Cluster) string {
	if c.GetAutopilot().GetEnabled() {
		return "gk3"
	}
	return "gke"
}

// machine is one more node of a pool; the caller holds the lock.
func (s *Service) machine(c *cluster, p *containerpb.NodePool, r region, zone, base string) node {
	id, _ := strconv.ParseUint(random(8), 16, 64)
	name := base + "-" + suffix()
	for slices.ContainsFunc(c.Nodes, func(n node) bool { return n.Name == name }) {
		name = base + "-" + suffix()
	}
	return node{Name: name, Zone: zone, Pool: p.GetName(), IP: s.freeAddress(c, r), Instance: id>>1 | 1<<62}
}

// suffix is four characters, as instance groups give them.
func suffix() string {
	const characters = "0123456789bcdfghjklmnpqrstvwxz"
	b := []byte(random(2))
	for i := range b {
		b[i] = characters[(int(b[i])*7+i)%len(characters)]
	}
	return string(b)
}

func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	for text[len(text)-1] == '-' {
		text = text[:len(text)-1]
	}
	return text
}

// count brings the cluster's own figures in line with its nodes.
func (c *cluster) count() {
	sum := 0
	for _, p := range c.pb.GetNodePools() {
		nodes := c.nodes(p.GetName())
		sum += nodes
		p.GetNetworkConfig().PodIpv4RangeUtilization = utilization(nodes)
	}
	c.pb.GetIpAllocationPolicy().DefaultPodIpv4RangeUtilization = utilization(sum)
	c.pb.CurrentNodeCount = int32(len(c.Nodes))
	c.pb.InstanceGroupUrls = nil
	for _, p := range c.pb.GetNodePools() {
		c.pb.InstanceGroupUrls = append(c.pb.InstanceGroupUrls, p.GetInstanceGroupUrls()...)
	}
}

// nodes are how many a pool has.
func (c *cluster) nodes(pool string) int {
	n := 0
	for _, one := range c.Nodes {
		if one.Pool == pool {
			n++
		}
	}
	return n
}

// utilization is how much of a /14 goes to nodes of a /24 each, in thousandths.
func utilization(nodes int) float64 { return math.Round(float64(nodes)*1000/1024) / 1000 }
