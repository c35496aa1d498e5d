package gke

import (
	"context"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// set is work that changes what a cluster shows.
func (s *Service) set(n name, kind containerpb.Operation_Type, change func(c *cluster) error) (*containerpb.Operation, error) {
	return s.work(n, kind, n, func(c *cluster) (bool, error) { return false, change(c) })
}

// SetLabels replaces a cluster's labels, if nobody changed them meanwhile.
func (s *Service) SetLabels(_ context.Context, r *containerpb.SetLabelsRequest) (*containerpb.Operation, error) {
	if err := validLabels(r.GetResourceLabels()); err != nil {
		return nil, err
	}
	return s.set(s.find(r), containerpb.Operation_SET_LABELS, func(c *cluster) error {
		if read := r.GetLabelFingerprint(); read == "" || stale(read, c.pb.GetLabelFingerprint()) {
			return precondition("Labels could not be set due to fingerprint mismatch.")
		}
		c.pb.ResourceLabels = r.GetResourceLabels()
		return nil
	})
}

// fingerprint tells one set of labels from another.
func fingerprint(labels map[string]string) string {
	if len(labels) == 0 {
		return noLabels
	}
	var content []byte
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		content = append(content, k+"\x00"+labels[k]+"\x00"...)
	}
	return version(content)
}

// SetMaintenancePolicy says when Google may work on a cluster. In the sandbox it never does.
func (s *Service) SetMaintenancePolicy(_ context.Context, r *containerpb.SetMaintenancePolicyRequest) (*containerpb.Operation, error) {
	wanted := r.GetMaintenancePolicy()
	if err := validMaintenance(wanted); err != nil {
		return nil, err
	}
	return s.set(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(c *cluster) error {
		if now := c.pb.GetMaintenancePolicy().GetResourceVersion(); stale(wanted.GetResourceVersion(), now) {
			return precondition("The maintenance policy was changed meanwhile: its resource version is %s.", now)
		}
		c.pb.MaintenancePolicy = proto.CloneOf(wanted)
		maintenanceDefaults(c.pb)
		return nil
	})
}

// validMaintenance checks when work may begin on a day: "HH:MM", from 00:00 to 23:59.
func validMaintenance(p *containerpb.MaintenancePolicy) error {
	daily := p.GetWindow().GetDailyMaintenanceWindow()
	if daily == nil {
		return nil
	}
	const form = "15:04"
	at := daily.GetStartTime()
	if _, err := time.Parse(form, at); err != nil || len(at) != len(form) {
		return invalid("Maintenance_policy.window.daily_maintenance_window.start_time must be of the form \"HH:MM\"; it is \"%s\".", at) // Google's words are not known
	}
	return nil
}

// SetLoggingService switches logging.
func (s *Service) SetLoggingService(_ context.Context, r *containerpb.SetLoggingServiceRequest) (*containerpb.Operation, error) {
	return s.set(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(c *cluster) error {
		c.pb.LoggingService, c.pb.LoggingConfig = r.GetLoggingService(), loggingOf(r.GetLoggingService())
		return nil
	})
}

// SetMonitoringService switches monitoring.
func (s *Service) SetMonitoringService(_ context.Context, r *containerpb.SetMonitoringServiceRequest) (*containerpb.Operation, error) {
	return s.set(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(c *cluster) error {
		c.pb.MonitoringService, c.pb.MonitoringConfig = r.GetMonitoringService(), monitoringOf(r.GetMonitoringService())
		return nil
	})
}

// SetAddonsConfig switches add-ons, of which the sandbox's clusters run none.
func (s *Service) SetAddonsConfig(_ context.Context, r *containerpb.SetAddonsConfigRequest) (*containerpb.Operation, error) {
	return s.set(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(c *cluster) error {
		overlay(c.pb.GetAddonsConfig().ProtoReflect(), or(r.GetAddonsConfig()).ProtoReflect())
		return nil
	})
}

// SetLocations has a cluster's nodes in these zones.
func (s *Service) SetLocations(_ context.Context, r *containerpb.SetLocationsRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	return s.work(n, containerpb.Operation_UPDATE_CLUSTER, n, func(c *cluster) (bool, error) {
		if len(r.GetLocations()) == 0 {
			return false, invalid("Must specify at least one location.")
		}
		return true, s.relocate(c, r.GetLocations())
	})
}

func (s *Service) relocate(c *cluster, zones []string) error {
	if err := validZones(c.pb.GetLocation(), zones); err != nil {
		return err
	}
	c.pb.Locations = zones
	for _, p := range c.pb.GetNodePools() {
		s.move(c, p, zones)
	}
	return nil
}

// SetNetworkPolicy notes whether network policies are to be enforced.
func (s *Service) SetNetworkPolicy(_ context.Context, r *containerpb.SetNetworkPolicyRequest) (*containerpb.Operation, error) {
	return s.set(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(c *cluster) error {
		c.pb.NetworkPolicy = r.GetNetworkPolicy()
		return nil
	})
}

// SetLegacyAbac notes whether the authorizer of old is on. In the sandbox it never is.
func (s *Service) SetLegacyAbac(_ context.Context, r *containerpb.SetLegacyAbacRequest) (*containerpb.Operation, error) {
	return s.set(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(*cluster) error {
		if r.GetEnabled() {
			return invalid("Legacy ABAC is not part of the sandbox: its clusters know RBAC and IAM.")
		}
		return nil
	})
}

// UpdateMaster upgrades a control plane to the one version that there is.
func (s *Service) UpdateMaster(_ context.Context, r *containerpb.UpdateMasterRequest) (*containerpb.Operation, error) {
	return s.set(s.find(r), containerpb.Operation_UPGRADE_MASTER, func(*cluster) error { return validVersion(r.GetMasterVersion()) })
}
