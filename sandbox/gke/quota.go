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

// projectWide is the limit on CPUs that all regions of a project share.
const projectWide = "CPUS_ALL_REGIONS"

// Limits are what Options.Quota may name.
func Limits() []string {
	return []string{"CPUS", projectWide, "DISKS_TOTAL_GB", "INSTANCES", "IN_USE_ADDRESSES", "SSD_TOTAL_GB"}
}

// quota refuses node pools that ask for more than the region or the project has left,
// where limits are set; the caller holds the lock. Kubernetes Engine answers so with
// PERMISSION_DENIED.
func (s *Service) quota(n name, c *containerpb.Cluster, pools []*containerpb.NodePool) error {
	if len(s.opt.Quota) == 0 {
		return nil
	}
	used := map[string]float64{}
	for _, other := range s.state.Clusters {
		if other.Project != n.project {
			continue
		}
		takes := map[string]float64{}
		for _, p := range other.pb.GetNodePools() {
			add(takes, other.pb, p)
		}
		here := regionOf(other.pb.GetLocation()) == regionOf(n.location)
		for name, v := range takes {
			if here || name == projectWide {
				used[name] += v
			}
		}
	}
	asked := map[string]float64{}
	for _, p := range pools {
		add(asked, c, p)
	}
	var short []string // what is insufficient, a sentence each
	for _, name := range slices.Sorted(maps.Keys(s.opt.Quota)) {
		limit := s.opt.Quota[name]
		left := max(0, limit-used[name])
		scope := "regional"
		if name == projectWide {
			scope = "project"
		}
		if asked[name] > left {
			short = append(short, fmt.Sprintf("%s quota to satisfy request: resource \"%s\": request requires '%.1f' and is short '%.1f'. "+
				"project has a quota of '%.1f' with '%.1f' available. View and manage quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=%s",
				scope, name, asked[name], asked[name]-left, limit, left, n.project))
		}
	}
	switch len(short) {
	case 0:
		return nil
	case 1:
		return status.Error(codes.PermissionDenied, "Insufficient "+short[0]+".")
	}
	var words strings.Builder
	for i, one := range short {
		fmt.Fprintf(&words, "\n\t(%d) insufficient %s", i+1, one)
	}
	return status.Error(codes.PermissionDenied, words.String()+".")
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
	cpus := nodes * machineOf(config.GetMachineType()).cpus
	sum["CPUS"] += cpus
	sum[projectWide] += cpus
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
