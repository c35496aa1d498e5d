package gke

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// quota refuses node pools that ask for more than the region has left, where limits are
// set; the caller holds the lock. Kubernetes Engine answers so with PERMISSION_DENIED.
func (s *Service) quota(n name, c *containerpb.Cluster, pools []*containerpb.NodePool) error {
	if len(s.opt.Quota) == 0 {
		return nil
	}
	used := map[string]float64{}
	for _, other := range s.state.Clusters {
		if other.Project == n.project && regionOf(other.pb.GetLocation()) == regionOf(n.location) {
			for _, p := range other.pb.GetNodePools() {
				add(used, other.pb, p)
			}
		}
	}
	asked := map[string]float64{}
	for _, p := range pools {
		add(asked, c, p)
	}
	var short []string
	for _, name := range slices.Sorted(maps.Keys(s.opt.Quota)) {
		limit := s.opt.Quota[name]
		left := max(0, limit-used[name])
		if asked[name] > left {
			short = append(short, fmt.Sprintf("resource \"%s\": request requires '%.1f' and is short '%.1f'. project has a quota of '%.1f' with '%.1f' available.",
				name, asked[name], asked[name]-left, limit, left))
		}
	}
	if len(short) == 0 {
		return nil
	}
	words := short[0]
	if len(short) > 1 {
		for i := range short {
			short[i] = fmt.Sprintf("(%d) %s", i+1, short[i])
		}
		words = strings.Join(short, " ")
	}
	return status.Errorf(codes.PermissionDenied, "Insufficient regional quota to satisfy request: %s View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=%s.", words, n.project)
}

// add counts what a node pool takes of a region.
func add(sum map[string]float64, c *containerpb.Cluster, p *containerpb.NodePool) {
	config := p.GetConfig()
	nodes := float64(int(p.GetInitialNodeCount()) * max(1, len(p.GetLocations())))
	disks := "SSD_TOTAL_GB"
	if config.GetDiskType() == "pd-standard" {
		disks = "DISKS_TOTAL_GB"
	}
	sum[disks] += nodes * float64(config.GetDiskSizeGb())
	sum["CPUS"] += nodes * machineOf(config.GetMachineType()).cpus
	sum["INSTANCES"] += nodes
	if !c.GetNetworkConfig().GetDefaultEnablePrivateNodes() && !p.GetNetworkConfig().GetEnablePrivateNodes() {
		sum["IN_USE_ADDRESSES"] += nodes
	}
}

// validLabels checks labels of a resource.
func validLabels(labels map[string]string) error {
	key, value := regexp.MustCompile(`^\p{Ll}[\p{Ll}0-9_-]{0,62}$`), regexp.MustCompile(`^[\p{Ll}0-9_-]{0,63}$`)
	if len(labels) > 64 {
		return invalid("Too many labels: %d, the most is 64.", len(labels))
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if !key.MatchString(k) {
			return invalid("Invalid label key %q: must start with a lowercase letter and have only lowercase letters, digits, '_' and '-', no more than 63.", k)
		}
		if !value.MatchString(labels[k]) {
			return invalid("Invalid label value %q: must have only lowercase letters, digits, '_' and '-', no more than 63.", labels[k])
		}
	}
	return nil
}
