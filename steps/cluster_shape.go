package steps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

const (
	kmsScope      = "https://www.googleapis.com/auth/cloudkms"
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
)

// nodeScopes are those of the nodes' token: the six that GKE gives by default, the address,
// and KMS where policy-controller has that token, without which it could not read the key.
// cloud-platform would do as well, and open everything else that the roles do not forbid.
func (n Names) nodeScopes() []string {
	var all []string
	for _, scope := range []string{
		"logging.write", "monitoring", "devstorage.read_only", "servicecontrol", "service.management.readonly", "trace.append",
		"userinfo.email",
	} {
		all = append(all, "https://www.googleapis.com/auth/"+scope)
	}
	if n.Federated() {
		return all
	}
	return append(all, kmsScope)
}

func (s cluster) summary() string {
	if s.a.ExistingCluster {
		return fmt.Sprintf("cluster %q in %s, which is there", s.ClusterID(), s.ClusterLocation())
	}
	if s.Autopilot() {
		return fmt.Sprintf("Autopilot cluster %q in %s", s.ClusterID(), s.ClusterLocation())
	}
	nodes := "1 node"
	if n := s.AllNodes(); n > 1 {
		nodes = strconv.Itoa(n) + " nodes"
	}
	if !s.Zonal() {
		nodes += fmt.Sprintf(" (%d in each of %d zones)", s.Nodes(), zonesOfARegion)
	}
	nodes += fmt.Sprintf(", %s with %d GB", s.a.MachineType, s.DiskGB())
	if s.Federated() {
		nodes += ", pods with identities of their own"
	}
	return fmt.Sprintf("cluster %q in %s, %s", s.ClusterID(), s.ClusterLocation(), nodes)
}

func (s cluster) wanted(l engine.Ledger) *containerpb.Cluster {
	c := &containerpb.Cluster{
		Name:               s.ClusterID(),
		ResourceLabels:     labels(l),
		Network:            "default",
		IpAllocationPolicy: &containerpb.IPAllocationPolicy{UseIpAliases: true},
		ReleaseChannel:     &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR},
	}
	if s.Autopilot() { // which has an account for its nodes, and chooses all else
		c.Autopilot = &containerpb.Autopilot{Enabled: true}
		c.Autoscaling = &containerpb.ClusterAutoscaling{AutoprovisioningNodePoolDefaults: &containerpb.AutoprovisioningNodePoolDefaults{ServiceAccount: s.AccountEmail()}}
		return c
	}
	pool := &containerpb.NodePool{
		Name:             "default-pool",
		InitialNodeCount: int32(s.Nodes()), // in each zone
		Config: &containerpb.NodeConfig{
			MachineType:    s.a.MachineType,
			DiskSizeGb:     int32(s.DiskGB()),
			ServiceAccount: s.AccountEmail(),
			OauthScopes:    s.nodeScopes(), // written out: left empty, the API adds only logging and monitoring
			Metadata:       map[string]string{"disable-legacy-endpoints": "true"},
		},
		Management: &containerpb.NodeManagement{AutoRepair: true, AutoUpgrade: true},
	}
	if s.Federated() {
		c.WorkloadIdentityConfig = &containerpb.WorkloadIdentityConfig{WorkloadPool: s.WorkloadPool()}
		pool.Config.WorkloadMetadataConfig = &containerpb.WorkloadMetadataConfig{Mode: containerpb.WorkloadMetadataConfig_GKE_METADATA}
	}
	c.NodePools = []*containerpb.NodePool{pool}
	return c
}

// differs says what cannot be changed any more, or not without new nodes: who the nodes
// are, their scopes, and whether pods have identities of their own.
func (s cluster) differs(c *containerpb.Cluster) *problem.Problem {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	switch pool := c.GetWorkloadIdentityConfig().GetWorkloadPool(); {
	case c.GetAutopilot().GetEnabled() != s.Autopilot():
		fault("Autopilot is %t", c.GetAutopilot().GetEnabled())
	case s.Federated() && pool == "":
		fault("its pods have no identities of their own")
	case !s.Federated() && pool != "":
		fault("its pods have identities of their own (%s), so that the nodes' roles do nothing for them", pool)
	}
	if s.Autopilot() {
		if account := c.GetAutoscaling().GetAutoprovisioningNodePoolDefaults().GetServiceAccount(); account != s.AccountEmail() {
			fault("its nodes run as %q", account)
		}
	} else {
		for _, pool := range c.GetNodePools() {
			s.poolDiffers(pool, fault)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return raise("cluster-differs", "cluster %q is not as this setup made it: %s", s.ClusterID(), strings.Join(faults, "; "))
}

func (s cluster) poolDiffers(pool *containerpb.NodePool, fault func(string, ...any)) {
	if account := pool.GetConfig().GetServiceAccount(); account != s.AccountEmail() {
		fault("node pool %q runs as %q", pool.GetName(), account)
	}
	if s.Federated() {
		if pool.GetConfig().GetWorkloadMetadataConfig().GetMode() != containerpb.WorkloadMetadataConfig_GKE_METADATA {
			fault("node pool %q gives its pods no identities of their own", pool.GetName())
		}
		return
	}
	if scopes := pool.GetConfig().GetOauthScopes(); !slices.Contains(scopes, kmsScope) && !slices.Contains(scopes, cloudPlatform) {
		fault("node pool %q lacks the scope %s", pool.GetName(), kmsScope)
	}
}

func (s cluster) Commands() []string {
	switch {
	case s.ownPool():
		return []string{s.poolCommand()}
	case s.a.ExistingCluster:
		return []string{shell("gcloud", "container", "clusters", "describe", s.ClusterID(), s.placeFlag(), "--project="+s.ProjectID())}
	}
	if s.Autopilot() {
		return []string{shell("gcloud", "container", "clusters", "create-auto", s.ClusterID(), s.placeFlag(), "--project="+s.ProjectID(), "--service-account="+s.AccountEmail())}
	}
	words := []string{"gcloud", "container", "clusters", "create", s.ClusterID(), s.placeFlag(), "--project=" + s.ProjectID()}
	words = append(words, s.nodeFlags()...)
	words = append(words, "--enable-ip-alias", "--release-channel=regular")
	if s.Federated() {
		words = append(words, "--workload-pool="+s.WorkloadPool(), "--workload-metadata=GKE_METADATA")
	}
	return []string{shell(words...)}
}

// nodeFlags say what the nodes of a pool are, which a cluster's first one is as well.
func (s cluster) nodeFlags() []string {
	return []string{"--num-nodes=" + strconv.Itoa(s.Nodes()), "--machine-type=" + s.a.MachineType, "--disk-size=" + strconv.Itoa(s.DiskGB()),
		"--service-account=" + s.AccountEmail(), "--scopes=" + strings.Join(s.nodeScopes(), ",")}
}
