//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"cloud.google.com/go/container/apiv1/containerpb"
)

// autopilotPods are how many a node of Autopilot's takes.
const autopilotPods = 32

// autopilotDefaults are what Autopilot decides by itself. Pods always have identities of
// their own; account and scopes of nodes come from the defaults of pools to come.
func autopilotDefaults(n name, c *containerpb.Cluster) {
	c.WorkloadIdentityConfig = &containerpb.WorkloadIdentityConfig{WorkloadPool: n.project + ".svc.id.goog"}
	c.VerticalPodAutoscaling = &containerpb.VerticalPodAutoscaling{Enabled: true}
	c.NetworkConfig = or(c.NetworkConfig)
	c.NetworkConfig.DatapathProvider = containerpb.DatapathProvider_ADVANCED_DATAPATH
	most := int64(1000000000)
	wanted := c.GetAutoscaling().GetAutoprovisioningNodePoolDefaults()
	c.Autoscaling = &containerpb.ClusterAutoscaling{
		EnableNodeAutoprovisioning: true, AutoscalingProfile: containerpb.ClusterAutoscaling_OPTIMIZE_UTILIZATION,
		ResourceLimits:                   []*containerpb.ResourceLimit{{ResourceType: "cpu", Maximum: most}, {ResourceType: "memory", Maximum: most}},
		AutoprovisioningNodePoolDefaults: or(wanted),
	}
	if asked := c.GetNodePools(); len(asked) > 0 { // gcloud writes one; of it these two count
		c.Autoscaling.AutoprovisioningNodePoolDefaults = fill(or(wanted), &containerpb.AutoprovisioningNodePoolDefaults{
			ServiceAccount: asked[0].GetConfig().GetServiceAccount(), OauthScopes: asked[0].GetConfig().GetOauthScopes()})
		wanted, c.NodePools = c.Autoscaling.AutoprovisioningNodePoolDefaults, nil
	}
	scopes := wanted.GetOauthScopes()
	if len(scopes) == 0 && wanted.GetServiceAccount() != "" && wanted.GetServiceAccount() != "default" {
		scopes = []string{cloudPlatform}
	}
	c.NodeConfig = &containerpb.NodeConfig{
		ServiceAccount: wanted.GetServiceAccount(), OauthScopes: scopes,
		ShieldedInstanceConfig: &containerpb.ShieldedInstanceConfig{EnableIntegrityMonitoring: true, EnableSecureBoot: true},
	}
	c.AddonsConfig = fill(or(c.AddonsConfig), &containerpb.AddonsConfig{
		HttpLoadBalancing: &containerpb.HttpLoadBalancing{}, HorizontalPodAutoscaling: &containerpb.HorizontalPodAutoscaling{},
		DnsCacheConfig:               &containerpb.DnsCacheConfig{Enabled: true},
		GcpFilestoreCsiDriverConfig:  &containerpb.GcpFilestoreCsiDriverConfig{Enabled: true},
		GcsFuseCsiDriverConfig:       &containerpb.GcsFuseCsiDriverConfig{Enabled: true},
		ParallelstoreCsiDriverConfig: &containerpb.ParallelstoreCsiDriverConfig{},
	})
	c.ShieldedNodes = &containerpb.ShieldedNodes{Enabled: true}
	c.DefaultMaxPodsConstraint = &containerpb.MaxPodsConstraint{MaxPodsPerNode: autopilotPods}
	c.InitialNodeCount = 1
}

// hands refuses to touch node pools that Autopilot keeps.
func hands(c *cluster) error {
	if c.pb.GetAutopilot().GetEnabled() {
		return invalid("Autopilot node pools cannot be accessed or modified.")
	}
	return nil
}

// validAutopilot checks what Autopilot leaves to nobody.
func validAutopilot(n name, c *containerpb.Cluster) error {
	switch {
	case !c.GetAutopilot().GetEnabled():
		return nil
	case isZone(n.location):
		return invalid("Autopilot clusters must be regional clusters.")
	case c.GetDefaultMaxPodsConstraint() != nil && c.GetDefaultMaxPodsConstraint().GetMaxPodsPerNode() != autopilotPods:
		return invalid("Max pods constraint on node pools for Autopilot clusters should be 32.")
	}
	return nil
}
