//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// GetNodePool shows one.
func (s *Service) GetNodePool(_ context.Context, r *containerpb.GetNodePoolRequest) (*containerpb.NodePool, error) {
	n := s.find(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.lookup(n)
	if err != nil {
		return nil, err
	}
	if err := hands(c); err != nil {
		return nil, err
	}
	p := c.pool(n.pool)
	if p == nil {
		return nil, notFound(n)
	}
	return proto.CloneOf(p), nil
}

// ListNodePools shows those of a cluster.
func (s *Service) ListNodePools(_ context.Context, r *containerpb.ListNodePoolsRequest) (*containerpb.ListNodePoolsResponse, error) {
	n := s.find(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.lookup(n)
	if err != nil {
		return nil, err
	}
	if err := hands(c); err != nil {
		return nil, err
	}
	out := &containerpb.ListNodePoolsResponse{}
	for _, p := range c.pb.GetNodePools() {
		out.NodePools = append(out.NodePools, proto.CloneOf(p))
	}
	return out, nil
}

// CreateNodePool begins to give a cluster more nodes.
func (s *Service) CreateNodePool(ctx context.Context, r *containerpb.CreateNodePoolRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	p := proto.CloneOf(r.GetNodePool())
	if p == nil {
		return nil, invalid("NodePool is a required field.")
	}
	if err := validName("node_pool.name", p.GetName()); err != nil {
		return nil, err
	}
	if err := validPool(n.location, p); err != nil {
		return nil, err
	}
	if err := validVersion(p.GetVersion()); err != nil {
		return nil, err
	}
	n.pool = p.GetName()
	return s.work(n, containerpb.Operation_CREATE_NODE_POOL, n, func(c *cluster) (bool, error) {
		if err := hands(c); err != nil {
			return false, err
		}
		if c.pool(n.pool) != nil {
			return false, exists(n)
		}
		poolDefaults(c.pb, p)
		account, err := s.account(ctx, n, p.GetConfig().GetServiceAccount())
		if err != nil {
			return false, err
		}
		if err := s.quota(n, c.pb, []*containerpb.NodePool{p}); err != nil {
			return false, err
		}
		c.Accounts[n.pool] = account
		c.pb.NodePools = append(c.pb.NodePools, p)
		if n.pool == defaultPool || len(c.pb.GetNodePools()) == 1 {
			c.pb.NodeConfig = proto.CloneOf(p.GetConfig())
		}
		podsOf(c, p)
		s.populate(c, p)
		c.count()
		return true, nil
	})
}

// DeleteNodePool begins to take a node pool and its nodes away.
func (s *Service) DeleteNodePool(_ context.Context, r *containerpb.DeleteNodePoolRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	return s.work(n, containerpb.Operation_DELETE_NODE_POOL, n, func(c *cluster) (bool, error) {
		if err := hands(c); err != nil {
			return false, err
		}
		if c.pool(n.pool) == nil {
			return false, notFound(n)
		}
		c.pb.NodePools = slices.DeleteFunc(c.pb.GetNodePools(), func(p *containerpb.NodePool) bool { return p.GetName() == n.pool })
		c.Nodes = slices.DeleteFunc(c.Nodes, func(one node) bool { return one.Pool == n.pool })
		delete(c.Accounts, n.pool)
		if n.pool == defaultPool || len(c.pb.GetNodePools()) == 0 {
			c.pb.NodeConfig = nil
		}
		c.count()
		return true, nil
	})
}

// SetNodePoolSize gives a node pool so many nodes in each zone. The newest go first.
func (s *Service) SetNodePoolSize(_ context.Context, r *containerpb.SetNodePoolSizeRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	if r.GetNodeCount() < 0 || r.GetNodeCount() > 1000 {
		return nil, invalid("Node_count must be between 0 and 1000; %d was requested.", r.GetNodeCount())
	}
	return s.edit(n, containerpb.Operation_SET_NODE_POOL_SIZE, func(c *cluster, p *containerpb.NodePool) (bool, error) {
		s.resize(c, p, r.GetNodeCount())
		return true, nil
	})
}

func (s *Service) resize(c *cluster, p *containerpb.NodePool, count int32) {
	where, _ := place(c.pb.GetLocation())
	for i, zone := range p.GetLocations() {
		have := int32(0)
		c.Nodes = slices.DeleteFunc(c.Nodes, func(one node) bool {
			if one.Pool != p.GetName() || one.Zone != zone {
				return false
			}
			have++
			return have > count
		})
		group := p.GetInstanceGroupUrls()[i]
		base := strings.TrimSuffix(group[strings.LastIndex(group, "/")+1:], "-grp")
		for ; have < count; have++ {
			c.Nodes = append(c.Nodes, s.machine(c, p, where, zone, base))
		}
	}
	c.count()
}

// SetNodePoolAutoscaling notes bounds. Nothing scales a pool of the sandbox.
func (s *Service) SetNodePoolAutoscaling(_ context.Context, r *containerpb.SetNodePoolAutoscalingRequest) (*containerpb.Operation, error) {
	return s.edit(s.find(r), containerpb.Operation_UPDATE_CLUSTER, func(_ *cluster, p *containerpb.NodePool) (bool, error) {
		p.Autoscaling = r.GetAutoscaling()
		return false, nil
	})
}

// SetNodePoolManagement notes whether nodes are repaired and upgraded by themselves.
func (s *Service) SetNodePoolManagement(_ context.Context, r *containerpb.SetNodePoolManagementRequest) (*containerpb.Operation, error) {
	return s.edit(s.find(r), containerpb.Operation_SET_NODE_POOL_MANAGEMENT, func(_ *cluster, p *containerpb.NodePool) (bool, error) {
		p.Management = r.GetManagement()
		return false, nil
	})
}

// edit is work on one node pool.
func (s *Service) edit(n name, kind containerpb.Operation_Type, change func(*cluster, *containerpb.NodePool) (bool, error)) (*containerpb.Operation, error) {
	return s.work(n, kind, n, func(c *cluster) (bool, error) {
		if err := hands(c); err != nil {
			return false, err
		}
		p := c.pool(n.pool)
		if p == nil {
			return false, notFound(n)
		}
		restart, err := change(c, p)
		p.Etag = etag()
		if n.pool == defaultPool {
			c.pb.NodeConfig = proto.CloneOf(p.GetConfig())
		}
		return restart, err
	})
}

// UpdateNodePool changes what a node pool shows; its labels and taints are its nodes'.
func (s *Service) UpdateNodePool(_ context.Context, r *containerpb.UpdateNodePoolRequest) (*containerpb.Operation, error) {
	n := s.find(r)
	if v := r.GetNodeVersion(); v != "" {
		if err := validVersion(v); err != nil {
			return nil, err
		}
	}
	kind := containerpb.Operation_UPDATE_CLUSTER
	if r.GetNodeVersion() != "" || r.GetImageType() != "" || r.GetKubeletConfig() != nil || r.GetLinuxNodeConfig() != nil || r.GetWorkloadMetadataConfig() != nil {
		kind = containerpb.Operation_UPGRADE_NODES
	}
	return s.edit(n, kind, func(c *cluster, p *containerpb.NodePool) (bool, error) {
		if stale(r.GetEtag(), p.GetEtag()) {
			return false, precondition("Etag mismatch: the node pool was changed meanwhile.")
		}
		if zones := r.GetLocations(); len(zones) > 0 {
			if err := validPool(n.location, &containerpb.NodePool{Locations: zones}); err != nil {
				return false, err
			}
			s.move(c, p, zones)
		}
		u := proto.CloneOf(r)
		desired(p, u)
		return len(r.GetLocations()) > 0 || r.GetMachineType() != "", nil
	})
}

// move has a pool's nodes in other zones.
func (s *Service) move(c *cluster, p *containerpb.NodePool, zones []string) {
	c.Nodes = slices.DeleteFunc(c.Nodes, func(one node) bool { return one.Pool == p.GetName() })
	p.Locations = zones
	s.populate(c, p)
	c.count()
}

// desired applies an update's fields to the pool, or its configuration, wherever there is
// one of that name.
func desired(p *containerpb.NodePool, u *containerpb.UpdateNodePoolRequest) {
	if v := u.GetNodeNetworkConfig(); v != nil {
		p.NetworkConfig = or(p.NetworkConfig)
		overlay(p.NetworkConfig.ProtoReflect(), v.ProtoReflect())
	}
	if v := u.GetTags(); v != nil {
		p.Config.Tags = v.GetTags()
	}
	if v := u.GetTaints(); v != nil {
		p.Config.Taints = v.GetTaints()
	}
	if v := u.GetLabels(); v != nil {
		p.Config.Labels = v.GetLabels()
	}
	if v := u.GetResourceLabels(); v != nil {
		p.Config.ResourceLabels = v.GetLabels()
	}
	if v := u.GetDiskSizeGb(); v != 0 {
		p.Config.DiskSizeGb, p.Config.BootDisk.SizeGb = int32(v), v
	}
	u.NodeNetworkConfig, u.Tags, u.Taints, u.Labels, u.ResourceLabels, u.DiskSizeGb, u.Locations = nil, nil, nil, nil, nil, 0, nil
	u.Name, u.Etag, u.NodeVersion, u.Image, u.ImageProject = "", "", "", "", ""
	u.ProjectId, u.Zone, u.ClusterId, u.NodePoolId = "", "", "", ""
	u.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		for _, m := range []proto.Message{p.GetConfig(), p} {
			at := m.ProtoReflect().Descriptor().Fields().ByName(field.Name())
			if at != nil && at.Kind() == field.Kind() && at.Cardinality() == field.Cardinality() && at.Message() == field.Message() {
				m.ProtoReflect().Set(at, value)
				break
			}
		}
		return true
	})
	p.Config = nodeDefaults(p.Config, &containerpb.Cluster{})
}
