//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"cmp"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// update applies what a ClusterUpdate desires. Most of its fields are named for the
// cluster's ("desired_addons_config" for "addons_config"); those that are not are
// written out. A desire that nothing here can hold is refused, not ignored.
func (s *Service) update(c *cluster, u *containerpb.ClusterUpdate) error {
	u.Etag = ""
	identities := u.GetDesiredWorkloadIdentityConfig().GetWorkloadPool()
	if err := s.special(c, u); err != nil {
		return err
	}
	to := c.pb.ProtoReflect()
	var refused error
	u.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		at := to.Descriptor().Fields().ByName(protoreflect.Name(strings.TrimPrefix(string(field.Name()), "desired_")))
		if at == nil || at.Kind() != field.Kind() || at.Cardinality() != field.Cardinality() || field.Message() != nil && at.Message() != field.Message() {
			refused = invalid("ClusterUpdate.%s is not part of the sandbox.", field.Name())
			return false
		}
		if at.Message() != nil && !at.IsList() && !at.IsMap() && to.Has(at) && !whole(string(at.Name())) && !switches(at.Message()) {
			overlay(to.Mutable(at).Message(), value.Message())
		} else {
			to.Set(at, value)
		}
		return true
	})
	if refused != nil {
		return refused
	}
	observabilityDefaults(c.pb)
	authorizedDefaults(c.pb)
	c.mirror()
	if identities == "" {
		return nil
	}
	return s.iam.SetIdentityPool(identities) // last: it stays, whatever is refused
}

// whole says which settings an update replaces as a whole.
func whole(field string) bool {
	switch field {
	case "master_authorized_networks_config", "logging_config", "monitoring_config", "resource_usage_export_config", "binary_authorization",
		"workload_identity_config", "autoscaling", "notification_config", "fleet":
		return true
	}
	return false
}

// reach applies what says from where the control plane and the nodes can be reached.
func reach(c *cluster, u *containerpb.ClusterUpdate) {
	have := c.pb.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig()
	if v := u.GetDesiredControlPlaneEndpointsConfig().GetIpEndpointsConfig(); v != nil {
		if v.GetAuthorizedNetworksConfig() != nil { // replaced as a whole
			have.AuthorizedNetworksConfig = nil
		}
		if v.GetEnabled() && have.EnablePublicEndpoint == nil { // it was off
			have.EnablePublicEndpoint = proto.Bool(true)
		}
	}
	if v := u.DesiredMasterAuthorizedNetworksConfig; v != nil {
		have.AuthorizedNetworksConfig, u.DesiredMasterAuthorizedNetworksConfig = proto.CloneOf(v), nil
	}
	if v := u.DesiredEnablePrivateEndpoint; v != nil {
		have.EnablePublicEndpoint, u.DesiredEnablePrivateEndpoint = proto.Bool(!*v), nil
	}
	if v := u.DesiredDefaultEnablePrivateNodes; v != nil {
		c.pb.NetworkConfig.DefaultEnablePrivateNodes, u.DesiredDefaultEnablePrivateNodes = v, nil
	}
}

// special applies the desires that have no field of that name, and takes them off.
func (s *Service) special(c *cluster, u *containerpb.ClusterUpdate) error {
	reach(c, u)
	if v := u.DesiredAdditionalIpRangesConfig; v != nil {
		c.pb.IpAllocationPolicy.AdditionalIpRangesConfigs, u.DesiredAdditionalIpRangesConfig = v.GetAdditionalIpRangesConfigs(), nil
	}
	if v := u.AdditionalPodRangesConfig; v != nil {
		c.pb.IpAllocationPolicy.AdditionalPodRangesConfig, u.AdditionalPodRangesConfig = v, nil
	}
	if v := u.DesiredClusterAutoscaling; v != nil {
		c.pb.Autoscaling, u.DesiredClusterAutoscaling = v, nil
		autoscalingDefaults(c.pb)
	}
	if v := u.DesiredDatabaseEncryption; v != nil {
		c.pb.DatabaseEncryption, u.DesiredDatabaseEncryption = encryption(c.pb.DatabaseEncryption, v), nil
	}
	if v := u.DesiredLocations; v != nil {
		if err := s.relocate(c, v); err != nil {
			return err
		}
		u.DesiredLocations = nil
	}
	if v := cmp.Or(u.GetDesiredMasterVersion(), u.GetDesiredNodeVersion()); v != "" {
		if err := validVersion(v); err != nil {
			return err
		}
		u.DesiredMasterVersion, u.DesiredNodeVersion, u.DesiredNodePoolId, u.DesiredImageType = "", "", "", ""
	}
	if v := u.DesiredLoggingService; v != "" {
		c.pb.LoggingConfig = loggingOf(v)
	}
	if v := u.DesiredMonitoringService; v != "" {
		c.pb.MonitoringConfig = monitoringOf(v)
	}
	if v := u.DesiredWorkloadIdentityConfig; v != nil && v.GetWorkloadPool() == "" && c.pb.GetAutopilot().GetEnabled() {
		return invalid("Workload Identity Federation cannot be switched off in Autopilot clusters.") // Google's words are not known
	}
	if v := u.DesiredWorkloadIdentityConfig; v.GetWorkloadPool() != "" {
		if err := validIdentities(c.Project, v); err != nil {
			return err
		}
	}
	if v := u.DesiredNodePoolAutoscaling; v != nil {
		p := c.pool(cmp.Or(u.GetDesiredNodePoolId(), defaultPool))
		if p == nil {
			n := c.name()
			n.pool = u.GetDesiredNodePoolId()
			return notFound(n)
		}
		p.Autoscaling, u.DesiredNodePoolAutoscaling, u.DesiredNodePoolId = v, nil, ""
	}
	networkSpecial(c.pb.GetNetworkConfig(), u)
	autoConfigSpecial(c.pb, u)
	return nil
}

// networkSpecial are desires that NetworkConfig has.
func networkSpecial(net *containerpb.NetworkConfig, u *containerpb.ClusterUpdate) {
	to, from := net.ProtoReflect(), u.ProtoReflect()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		plain := strings.TrimPrefix(string(field.Name()), "desired_")
		for _, name := range []string{plain, "enable_" + strings.TrimSuffix(plain, "_config")} {
			at := to.Descriptor().Fields().ByName(protoreflect.Name(name))
			if at != nil && at.Kind() == field.Kind() && !at.IsList() && at.Message() == field.Message() && at.Enum() == field.Enum() {
				to.Set(at, value)
				from.Clear(field)
				return true
			}
		}
		return true
	})
	if v := u.DesiredIntraNodeVisibilityConfig; v != nil {
		net.EnableIntraNodeVisibility, u.DesiredIntraNodeVisibilityConfig = v.GetEnabled(), nil
	}
	if v := u.DesiredL4IlbSubsettingConfig; v != nil {
		net.EnableL4IlbSubsetting, u.DesiredL4IlbSubsettingConfig = v.GetEnabled(), nil
	}
}

// autoConfigSpecial are desires for node pools to come.
func autoConfigSpecial(c *containerpb.Cluster, u *containerpb.ClusterUpdate) {
	auto, otherwise := c.GetNodePoolAutoConfig(), c.GetNodePoolDefaults().GetNodeConfigDefaults()
	if v := u.DesiredNodePoolAutoConfigNetworkTags; v != nil {
		auto.NetworkTags, u.DesiredNodePoolAutoConfigNetworkTags = v, nil
	}
	if v := u.DesiredNodePoolAutoConfigResourceManagerTags; v != nil {
		auto.ResourceManagerTags, u.DesiredNodePoolAutoConfigResourceManagerTags = v, nil
	}
	if v := u.DesiredNodePoolAutoConfigKubeletConfig; v != nil {
		auto.NodeKubeletConfig, u.DesiredNodePoolAutoConfigKubeletConfig = v, nil
	}
	if v := u.DesiredNodePoolAutoConfigLinuxNodeConfig; v != nil {
		auto.LinuxNodeConfig, u.DesiredNodePoolAutoConfigLinuxNodeConfig = v, nil
	}
	if v := u.DesiredNodeKubeletConfig; v != nil {
		otherwise.NodeKubeletConfig, u.DesiredNodeKubeletConfig = v, nil
	}
	if v := u.DesiredContainerdConfig; v != nil {
		otherwise.ContainerdConfig, u.DesiredContainerdConfig = v, nil
	}
	if v := u.DesiredNodePoolLoggingConfig; v != nil {
		otherwise.LoggingConfig, u.DesiredNodePoolLoggingConfig = v, nil
	}
	if v := u.DesiredGcfsConfig; v != nil {
		otherwise.GcfsConfig, u.DesiredGcfsConfig = v, nil
	}
	if v := u.DesiredK8SBetaApis; v != nil {
		c.EnableK8SBetaApis, u.DesiredK8SBetaApis = v, nil
	}
}
