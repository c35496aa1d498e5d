package steps

import (
	"fmt"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/state"
)

// hoursAMonth is how Google turns an hourly price into a monthly one.
const hoursAMonth = 730

// Cost is what a setup costs while it exists, in US dollars at list price.
type Cost struct {
	Hourly, Monthly float64
	Note            string // what it leaves out, and the date of the price list
}

// CostOf prices the answers. It is false where the price list lacks the machine type.
func CostOf(a state.Answers) (Cost, bool) {
	p := assets.Prices()
	if a.Shape == state.Autopilot {
		return autopilotCost(p), true
	}
	machine, ok := p.Machines[a.MachineType]
	if !ok {
		return Cost{}, false
	}
	n := NamesOf(a)
	nodes := float64(n.Nodes())
	note := "the management fee of one zonal cluster is within the free tier"
	if !n.Zonal() {
		nodes *= zonesOfARegion
		note = "the free tier does not cover a regional cluster"
	}
	hourly := p.ClusterHour + nodes*(machine+p.AddressHour+p.DiskGBMonth*float64(n.DiskGB())/hoursAMonth) + p.KeyMonth/hoursAMonth
	return Cost{
		Hourly: hourly, Monthly: hourly * hoursAMonth,
		Note: fmt.Sprintf("list prices of %s, %s; without tax, traffic and stored images; %s", p.Date, p.Region, note),
	}, true
}

// What the pods of a setup ask for on Autopilot, which counts that and not machines: the
// policy controller no less than Autopilot's least, the signed image its default. Google's
// own pods cost nothing.
const (
	podCPUs = 0.25 + 0.5
	podGB   = 0.5 + 2
)

func autopilotCost(p assets.PriceList) Cost {
	hourly := p.ClusterHour + podCPUs*p.PodCPUHour + podGB*p.PodGBHour + p.KeyMonth/hoursAMonth
	return Cost{Hourly: hourly, Monthly: hourly * hoursAMonth,
		Note: fmt.Sprintf("list prices of %s, %s; without tax, traffic, stored images and pods' disks; the policy controller and one signed pod; "+
			"the management fee of one Autopilot cluster is within the free tier", p.Date, p.Region)}
}

// zonesOfARegion is in how many zones GKE places a regional cluster's nodes by default.
const zonesOfARegion = 3
