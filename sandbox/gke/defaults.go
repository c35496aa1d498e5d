//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// defaults fills in what a request leaves open, as Kubernetes Engine does. What only Google says is not taken from a request.
func defaults(n name, c *containerpb.Cluster) {
	c.SelfLink, c.Location = n.link(false), n.location
	c.Zone = n.location
	if len(c.GetLocations()) == 0 {
		c.Locations = zonesOf(n.location)
	}
	c.InitialClusterVersion, c.CurrentMasterVersion, c.CurrentNodeVersion = current, current, current
	c.Conditions, c.StatusMessage, c.InstanceGroupUrls = nil, "", nil
	if c.GetAutopilot().GetEnabled() {
		autopilotDefaults(n, c)
	}
	networkDefaults(n, c)
	accessDefaults(c)
	featureDefaults(c)
	observabilityDefaults(c)
	poolsOf(c)
	autoscalingDefaults(c)
}

// fill merges what is wanted over the defaults: messages field by field, lists as a whole.
// It shares nothing with either, since optional fields are set through their pointers.
func fill[M proto.Message](wanted, otherwise M) M {
	out := proto.CloneOf(otherwise)
	overlay(out.ProtoReflect(), proto.CloneOf(wanted).ProtoReflect())
	return out
}

func networkDefaults(n name, c *containerpb.Cluster) {
	if c.NetworkConfig == nil {
		c.NetworkConfig = &containerpb.NetworkConfig{}
	}
	network := cmp.Or(c.GetNetwork(), c.NetworkConfig.GetNetwork(), "default")
	subnetwork := cmp.Or(c.GetSubnetwork(), c.NetworkConfig.GetSubnetwork(), "default")
	c.NetworkConfig.Network = strings.TrimPrefix(network, "https://www.googleapis.com/compute/v1/")
	if !strings.Contains(subnetwork, "/") {
		subnetwork = "projects/" + n.project + "/regions/" + regionOf(n.location) + "/subnetworks/" + subnetwork
	}
	c.NetworkConfig.Subnetwork = strings.TrimPrefix(subnetwork, "https://www.googleapis.com/compute/v1/")
	c.Network, c.Subnetwork = path.Base(network), path.Base(subnetwork)
	c.NetworkConfig.ServiceExternalIpsConfig = or(c.NetworkConfig.ServiceExternalIpsConfig)
	c.NetworkConfig.DefaultSnatStatus = or(c.NetworkConfig.DefaultSnatStatus)
	if c.PrivateClusterConfig.GetEnablePrivateNodes() && c.NetworkConfig.DefaultEnablePrivateNodes == nil {
		c.NetworkConfig.DefaultEnablePrivateNodes = proto.Bool(true)
	}
	if c.IpAllocationPolicy == nil {
		c.IpAllocationPolicy = &containerpb.IPAllocationPolicy{}
	}
	ip := c.IpAllocationPolicy
	ip.UseIpAliases = true // routes are for clusters that were made long ago
	if ip.StackType == containerpb.StackType_STACK_TYPE_UNSPECIFIED {
		ip.StackType = containerpb.StackType_IPV4
	}
	ip.PodCidrOverprovisionConfig = or(ip.PodCidrOverprovisionConfig)
	ip.NetworkTierConfig = fill(or(ip.NetworkTierConfig), defaultTier())
}

func defaultTier() *containerpb.NetworkTierConfig {
	return &containerpb.NetworkTierConfig{NetworkTier: containerpb.NetworkTierConfig_NETWORK_TIER_DEFAULT}
}

// accessDefaults are of who reaches the control plane, and how.
func accessDefaults(c *containerpb.Cluster) {
	yes, no := proto.Bool(true), proto.Bool(false)
	open := proto.Bool(!c.GetPrivateClusterConfig().GetEnablePrivateEndpoint())
	c.ControlPlaneEndpointsConfig = fill(or(c.GetControlPlaneEndpointsConfig()), &containerpb.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{
			AllowExternalTraffic: no, EnableK8STokensViaDns: no, EnableK8SCertsViaDns: no},
		IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: yes, EnablePublicEndpoint: open},
	})
	if ip := c.ControlPlaneEndpointsConfig.IpEndpointsConfig; ip.AuthorizedNetworksConfig == nil {
		ip.AuthorizedNetworksConfig = proto.CloneOf(c.GetMasterAuthorizedNetworksConfig())
	}
	authorizedDefaults(c)
	c.MasterAuth = &containerpb.MasterAuth{ClientCertificateConfig: &containerpb.ClientCertificateConfig{}}
	if c.LegacyAbac == nil {
		c.LegacyAbac = &containerpb.LegacyAbac{}
	}
	c.AnonymousAuthenticationConfig = fill(or(c.AnonymousAuthenticationConfig),
		&containerpb.AnonymousAuthenticationConfig{Mode: containerpb.AnonymousAuthenticationConfig_ENABLED})
	c.RbacBindingConfig = fill(or(c.RbacBindingConfig), &containerpb.RBACBindingConfig{
		EnableInsecureBindingSystemAuthenticated: yes, EnableInsecureBindingSystemUnauthenticated: yes})
	if c.UserManagedKeysConfig == nil {
		c.UserManagedKeysConfig = &containerpb.UserManagedKeysConfig{}
	}
	c.DatabaseEncryption = encryption(nil, c.DatabaseEncryption)
}

// authorizedDefaults are of networks: Google's own are let in where all are.
func authorizedDefaults(c *containerpb.Cluster) {
	ip := c.ControlPlaneEndpointsConfig.IpEndpointsConfig
	asked := or(ip.AuthorizedNetworksConfig)
	ip.AuthorizedNetworksConfig = fill(asked, &containerpb.MasterAuthorizedNetworksConfig{GcpPublicCidrsAccessEnabled: proto.Bool(!asked.GetEnabled())})
}

// encryption is that of the cluster's store. A key that was in use before still decrypts what
// was written with it. Whichever is asked for, it is shown as that of secrets alone, as clusters
// before Kubernetes 1.35 have it; what later ones show has not been seen.
func encryption(before, wanted *containerpb.DatabaseEncryption) *containerpb.DatabaseEncryption {
	out := &containerpb.DatabaseEncryption{
		KeyName: wanted.GetKeyName(), State: containerpb.DatabaseEncryption_DECRYPTED,
		CurrentState: containerpb.DatabaseEncryption_CURRENT_STATE_DECRYPTED.Enum(),
	}
	switch wanted.GetState() {
	case containerpb.DatabaseEncryption_ENCRYPTED, containerpb.DatabaseEncryption_ALL_OBJECTS_ENCRYPTION_ENABLED:
		out.State, out.CurrentState = containerpb.DatabaseEncryption_ENCRYPTED, containerpb.DatabaseEncryption_CURRENT_STATE_ENCRYPTED.Enum()
	}
	for _, key := range append(before.GetDecryptionKeys(), before.GetKeyName()) {
		if key != "" && key != out.KeyName && !slices.Contains(out.DecryptionKeys, key) {
			out.DecryptionKeys = append(out.DecryptionKeys, key)
		}
	}
	return out
}

func featureDefaults(c *containerpb.Cluster) {
	c.AddonsConfig = fill(or(c.AddonsConfig), &containerpb.AddonsConfig{
		KubernetesDashboard:              &containerpb.KubernetesDashboard{Disabled: true},
		NetworkPolicyConfig:              &containerpb.NetworkPolicyConfig{Disabled: true},
		GcePersistentDiskCsiDriverConfig: &containerpb.GcePersistentDiskCsiDriverConfig{Enabled: true},
	})
	if c.AddonsConfig.DnsCacheConfig == nil {
		c.AddonsConfig.DnsCacheConfig = &containerpb.DnsCacheConfig{Enabled: true}
	}
	if run := c.AddonsConfig.CloudRunConfig; run != nil && run.LoadBalancerType == containerpb.CloudRunConfig_LOAD_BALANCER_TYPE_UNSPECIFIED {
		run.LoadBalancerType = containerpb.CloudRunConfig_LOAD_BALANCER_TYPE_EXTERNAL
	}
	c.ControlPlaneEgress = fill(or(c.ControlPlaneEgress), &containerpb.ControlPlaneEgress{Mode: containerpb.ControlPlaneEgress_VIA_CONTROL_PLANE})
	c.AddonsConfig.GcePersistentDiskCsiDriverConfig.Enabled = true // cannot be left out any more
	c.Autopilot = or(c.Autopilot)
	c.DefaultMaxPodsConstraint = fill(or(c.DefaultMaxPodsConstraint), &containerpb.MaxPodsConstraint{MaxPodsPerNode: 110})
	if c.ReleaseChannel == nil {
		c.ReleaseChannel = &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR}
	}
	confidential(c.ConfidentialNodes)
	if c.ShieldedNodes == nil {
		c.ShieldedNodes = &containerpb.ShieldedNodes{Enabled: true}
	}
	c.NotificationConfig = fill(or(c.NotificationConfig), &containerpb.NotificationConfig{Pubsub: &containerpb.NotificationConfig_PubSub{}})
	if c.NetworkPolicy != nil && !c.NetworkPolicy.Enabled && c.NetworkPolicy.Provider == containerpb.NetworkPolicy_PROVIDER_UNSPECIFIED {
		c.NetworkPolicy = nil
	}
	maintenanceDefaults(c)
	c.EnterpriseConfig = fill(or(c.EnterpriseConfig), &containerpb.EnterpriseConfig{ClusterTier: containerpb.EnterpriseConfig_STANDARD})
	profile := containerpb.PodAutoscaling_PERFORMANCE
	c.PodAutoscaling = fill(or(c.PodAutoscaling), &containerpb.PodAutoscaling{HpaProfile: &profile})
	mode, vulnerability := containerpb.SecurityPostureConfig_BASIC, containerpb.SecurityPostureConfig_VULNERABILITY_MODE_UNSPECIFIED
	c.SecurityPostureConfig = fill(or(c.SecurityPostureConfig), &containerpb.SecurityPostureConfig{Mode: &mode, VulnerabilityMode: &vulnerability})
}

func observabilityDefaults(c *containerpb.Cluster) {
	c.LoggingService = cmp.Or(c.GetLoggingService(), "logging.googleapis.com/kubernetes")
	c.MonitoringService = cmp.Or(c.GetMonitoringService(), "monitoring.googleapis.com/kubernetes")
	if c.LoggingConfig == nil {
		c.LoggingConfig = loggingOf(c.LoggingService)
	}
	if c.MonitoringConfig == nil {
		c.MonitoringConfig = monitoringOf(c.MonitoringService)
	}
	readOnlyPort := &containerpb.NodeKubeletConfig{InsecureKubeletReadonlyPortEnabled: proto.Bool(false)}
	c.NodePoolAutoConfig = fill(or(c.NodePoolAutoConfig), &containerpb.NodePoolAutoConfig{NodeKubeletConfig: readOnlyPort})
	c.NodePoolDefaults = fill(or(c.NodePoolDefaults), &containerpb.NodePoolDefaults{NodeConfigDefaults: &containerpb.NodeConfigDefaults{
		NodeKubeletConfig: readOnlyPort,
		LoggingConfig:     &containerpb.NodePoolLoggingConfig{VariantConfig: &containerpb.LoggingVariantConfig{Variant: containerpb.LoggingVariantConfig_DEFAULT}},
	}})
}

func loggingOf(service string) *containerpb.LoggingConfig {
	out := &containerpb.LoggingConfig{ComponentConfig: &containerpb.LoggingComponentConfig{}}
	if service != "none" {
		out.ComponentConfig.EnableComponents = []containerpb.LoggingComponentConfig_Component{
			containerpb.LoggingComponentConfig_SYSTEM_COMPONENTS, containerpb.LoggingComponentConfig_WORKLOADS}
	}
	return out
}

func monitoringOf(service string) *containerpb.MonitoringConfig {
	out := &containerpb.MonitoringConfig{
		ComponentConfig:                     &containerpb.MonitoringComponentConfig{},
		ManagedPrometheusConfig:             &containerpb.ManagedPrometheusConfig{Enabled: service != "none"},
		AdvancedDatapathObservabilityConfig: &containerpb.AdvancedDatapathObservabilityConfig{},
	}
	if service != "none" {
		out.ComponentConfig.EnableComponents = []containerpb.MonitoringComponentConfig_Component{
			containerpb.MonitoringComponentConfig_SYSTEM_COMPONENTS, containerpb.MonitoringComponentConfig_DAEMONSET,
			containerpb.MonitoringComponentConfig_DEPLOYMENT, containerpb.MonitoringComponentConfig_STATEFULSET,
			containerpb.MonitoringComponentConfig_JOBSET, containerpb.MonitoringComponentConfig_STORAGE,
			containerpb.MonitoringComponentConfig_HPA, containerpb.MonitoringComponentConfig_POD,
			containerpb.MonitoringComponentConfig_CADVISOR, containerpb.MonitoringComponentConfig_KUBELET,
			containerpb.MonitoringComponentConfig_DCGM,
		}
	}
	return out
}

func autoscalingDefaults(c *containerpb.Cluster) {
	scopes := nodeScopes()
	if c.GetAutoscaling().GetEnableNodeAutoprovisioning() {
		scopes = []string{"https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/cloud-platform"}
	}
	wanted := or(c.Autoscaling)
	asked := wanted.GetAutoprovisioningNodePoolDefaults()
	out := fill(wanted, &containerpb.ClusterAutoscaling{
		AutoscalingProfile: containerpb.ClusterAutoscaling_BALANCED,
		AutoprovisioningNodePoolDefaults: &containerpb.AutoprovisioningNodePoolDefaults{
			ImageType: "COS_CONTAINERD", ServiceAccount: "default", OauthScopes: scopes,
			Management: &containerpb.NodeManagement{AutoRepair: true, AutoUpgrade: true},
		},
	})
	pool := out.AutoprovisioningNodePoolDefaults
	pool.OauthScopes = withMonitoring(pool.OauthScopes)
	if asked.GetManagement() != nil { // what is asked for is asked for as a whole
		pool.Management = asked.GetManagement()
	}
	if c.GetAutoscaling().GetEnableNodeAutoprovisioning() || asked.GetUpgradeSettings() != nil {
		pool.UpgradeSettings = surge(pool.UpgradeSettings)
	}
	if pool.MinCpuPlatform == "automatic" {
		pool.MinCpuPlatform = ""
	}
	c.Autoscaling = out
}

func surge(u *containerpb.NodePool_UpgradeSettings) *containerpb.NodePool_UpgradeSettings {
	strategy := containerpb.NodePoolUpdateStrategy_SURGE
	u = or(u)
	if u.Strategy == nil {
		u.Strategy = &strategy
	}
	return u
}

// maintenanceDefaults gives a policy its version, which tells one content from another.
func maintenanceDefaults(c *containerpb.Cluster) {
	p := or(c.MaintenancePolicy)
	w := p.GetWindow()
	if w != nil && w.GetPolicy() == nil && len(w.GetMaintenanceExclusions()) == 0 {
		p.Window = nil
	}
	if daily := w.GetDailyMaintenanceWindow(); daily != nil {
		daily.Duration = "PT4H0M0S"
	}
	p.ResourceVersion = ""
	text, _ := proto.MarshalOptions{Deterministic: true}.Marshal(p) // a message of our own
	p.ResourceVersion = version(text)
	c.MaintenancePolicy = p
}

// withMonitoring adds what goes with writing logs.
func withMonitoring(scopes []string) []string {
	const logs, metrics = "https://www.googleapis.com/auth/logging.write", "https://www.googleapis.com/auth/monitoring"
	if slices.Contains(scopes, logs) && !slices.Contains(scopes, metrics) {
		return append(scopes, metrics)
	}
	return scopes
}
