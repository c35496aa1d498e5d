package steps

import (
	"fmt"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// hoursAMonth is how Google turns an hourly price into a monthly one.
const hoursAMonth = 730

// CostOf prices the answers, by the dated list in assets. It is false where the list
// lacks the machine type.
func CostOf(a state.Answers) (engine.Cost, bool) {
	p := assets.Prices()
	var lines []engine.CostLine
	if !a.ExistingCluster {
		lines = append(lines, engine.CostLine{What: "the cluster's management fee", Hourly: p.ClusterHour})
	}
	without := "without tax, traffic and stored images"
	free := fmt.Sprintf("of the fee $%.2f a month is free, for one zonal or Autopilot cluster of a billing account", p.FreeTierMonth)
	switch n := NamesOf(a); {
	case a.ExistingCluster && a.Federated():
		free = "the cluster is there already"
	case n.Autopilot():
		without += " nor pods' disks"
		lines = append(lines, podLines(p)...)
	default:
		machine, ok := p.Machines[a.MachineType]
		if !ok {
			return engine.Cost{}, false
		}
		lines = append(lines, nodeLines(n, p, machine)...)
		if a.ExistingCluster {
			free = "the cluster is there already"
		} else if !n.Zonal() {
			free = "nothing of a regional cluster's fee is free"
		}
	}
	lines = append(lines, engine.CostLine{What: "a key version", Hourly: p.KeyMonth / hoursAMonth})
	c := engine.Cost{Lines: lines, Note: fmt.Sprintf("list prices of %s, %s; %s; %s", p.Date, p.Region, without, free)}
	for _, line := range lines {
		c.Hourly += line.Hourly
	}
	c.Monthly = c.Hourly * hoursAMonth
	return c, true
}

func nodeLines(n Names, p assets.PriceList, machine assets.Machine) []engine.CostLine {
	nodes := float64(n.AllNodes())
	return []engine.CostLine{
		{What: fmt.Sprintf("%d × %s", n.AllNodes(), n.a.MachineType), Hourly: nodes * machine.Hour},
		{What: fmt.Sprintf("%d × %d GB of disk", n.AllNodes(), n.DiskGB()), Hourly: nodes * p.DiskGBMonth * float64(n.DiskGB()) / hoursAMonth},
		{What: fmt.Sprintf("%d × a public address", n.AllNodes()), Hourly: nodes * p.AddressHour},
	}
}

// What the pods of a setup ask for on Autopilot, which counts that and not machines: the
// policy controller no less than Autopilot's least, the signed image its default. Google's
// own pods cost nothing.
const (
	podCPUs = 0.25 + 0.5
	podGB   = 0.5 + 2
)

func podLines(p assets.PriceList) []engine.CostLine {
	return []engine.CostLine{{What: "the policy controller and one signed pod", Hourly: podCPUs*p.PodCPUHour + podGB*p.PodGBHour}}
}

// zonesOfARegion is in how many zones GKE places a regional cluster's nodes by default.
const zonesOfARegion = 3

// AllNodes is the number of nodes in all zones; none of Autopilot's are the setup's to count.
func (n Names) AllNodes() int {
	switch {
	case n.Autopilot():
		return 0
	case n.Zonal():
		return n.Nodes()
	}
	return n.Nodes() * zonesOfARegion
}
