package steps

import (
	"fmt"
	"strings"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// ClassChecks says what a class needs of one project: a setup for each participant, all
// of the same answers but for the suffix.
func ClassChecks(a state.Answers, participants []string) []engine.Check {
	n := len(participants)
	d := demandOf(a, n)
	who := strings.Join(participants, ", ")
	if n > 6 {
		who = strings.Join(participants[:3], ", ") + " … " + participants[n-1]
	}
	quota := engine.Check{State: engine.CheckPass, Detail: fmt.Sprintf("%d clusters and accounts; %s", n, d)}
	if p := d.Exceeds(a.Region); p != nil { // what this project has is not known
		quota.State, quota.Problem = engine.CheckUnknown, p
	}
	cost := cannotTell("the price list has no " + a.MachineType)
	if each, ok := CostOf(a); ok {
		cost = pass("about $%.2f an hour in all, $%.0f a month, while they exist ($%.2f an hour each); %s", float64(n)*each.Hourly, float64(n)*each.Monthly, each.Hourly, each.Note)
	}
	all := []engine.Check{{Detail: fmt.Sprintf("%d: %s", n, who), State: engine.CheckPass}, quota, cost}
	for i, named := range []struct{ id, title string }{
		{"class", "participants"}, {"class:quota", "quota for all of them"}, {"class:cost", "cost of all of them"},
	} {
		all[i].ID, all[i].Group, all[i].Title = named.id, "class", named.title
	}
	return all
}

// String says a demand in a line.
func (d Demand) String() string {
	if d.Nodes == 0 {
		return "Google keeps the nodes"
	}
	text := fmt.Sprintf("%d nodes, %d GB of SSD, %d public addresses", d.Nodes, d.SSDGB, d.Addresses)
	if d.CPUs > 0 {
		text += fmt.Sprintf(", %d processors", d.CPUs)
	}
	return text
}
