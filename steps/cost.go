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

// zonesOfARegion is in how many zones GKE places a regional cluster's nodes by default.
const zonesOfARegion = 3
