package steps

import (
	"fmt"
	"strings"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// Demand is what a number of setups of the same answers take of a project's quotas.
type Demand struct {
	Setups    int `json:"setups"`
	Nodes     int `json:"nodes"`
	CPUs      int `json:"cpus,omitempty"` // 0 where the machine type is not on the list
	SSDGB     int `json:"ssdGB"`
	Addresses int `json:"addresses"`
}

// demandOf counts what setups take.
func demandOf(a state.Answers, setups int) Demand {
	n := NamesOf(a)
	nodes := setups * n.AllNodes()
	return Demand{
		Setups: setups, Nodes: nodes, CPUs: nodes * assets.Prices().Machines[a.MachineType].CPUs,
		SSDGB: nodes * n.DiskGB(), Addresses: nodes,
	}
}

// Exceeds warns of what a new project would not be given; nil if it would all be. The
// project's own quotas are known to Compute Engine alone, which is not asked.
func (d Demand) Exceeds(region string) *problem.Problem {
	q := assets.Quotas()
	var lines []string
	for _, of := range []struct {
		what        string
		need, limit int
	}{
		{"GB of SSD in " + region + " (SSD_TOTAL_GB)", d.SSDGB, q.SSDGB},
		{"public addresses in " + region + " (IN_USE_ADDRESSES)", d.Addresses, q.Addresses},
		{"processors in " + region + " (CPUS)", d.CPUs, q.CPUs},
		{"clusters in a place", d.Setups, q.Clusters},
		{"service accounts", d.Setups, q.Accounts},
	} {
		if of.need > of.limit {
			lines = append(lines, fmt.Sprintf("%d %s: a new project has %d", of.need, of.what, of.limit))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	p := raise("quota-likely", "%d nodes need more than a new project's quota", d.Nodes)
	if d.Setups > 1 {
		p.What = fmt.Sprintf("%d setups with %d nodes need more than a new project's quota", d.Setups, d.Nodes)
	}
	p.Words = strings.Join(lines, "\n")
	return p
}
