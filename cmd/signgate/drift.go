package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// everyStep is what --overwrite-changes means without a name.
const everyStep = "all"

// overwriting is --overwrite-changes as it was given, to be shown.
func overwriting(named []string) string {
	switch {
	case len(named) == 0:
		return ""
	case slices.Contains(named, everyStep):
		return " --overwrite-changes"
	}
	return " --overwrite-changes=" + shellQuote(strings.Join(named, ","))
}

// overwritable is which steps of a plan may revert a person: those that
// --overwrite-changes names. It is wrong usage to name one that is not in the plan.
func overwritable(plan engine.Plan, named []string) ([]string, error) {
	all := planned(plan.Steps)
	if slices.Contains(named, everyStep) {
		return all, nil
	}
	for _, name := range named {
		if !slices.Contains(all, name) {
			return nil, usagef("--overwrite-changes: there is no step %q; the steps are %s", name, list(all))
		}
	}
	return named, nil
}

// decideDrift is which steps may revert what a person changed: those that were named, and
// after a question those that the plan shows. Whoever said yes beforehand has not seen
// the differences, so then nothing is reverted and nothing is done.
func (a *app) decideDrift(ctx context.Context, plan engine.Plan, named []string) ([]string, error) {
	may, err := overwritable(plan, named)
	if err != nil {
		return nil, err
	}
	var open []engine.Planned
	for _, p := range plan.Drift() {
		if !slices.Contains(may, p.ID) {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return may, nil
	}
	if a.yes || a.output == "json" {
		return nil, byHand(open)
	}
	fmt.Fprintln(a.Err, "changed by hand since signgate made it:")
	printDrift(a.Err, open)
	yes, err := a.ask(ctx, fmt.Sprintf("revert %s?", counted(len(open), "this change", "these %d changes")))
	if err != nil {
		return nil, err
	}
	if !yes {
		return nil, byHand(open)
	}
	return append(may, planned(open)...), nil
}

// byHand is the problem of changes that nobody has agreed to revert.
func byHand(open []engine.Planned) *problem.Problem {
	first := open[0]
	p := problem.Drift(first.ID, first.Change.Summary, first.Change.Before, first.Change.After)
	if len(open) == 1 {
		return p
	}
	var text strings.Builder
	printDrift(&text, open)
	p.What = fmt.Sprintf("%d steps were changed by hand", len(open))
	p.Words = strings.TrimRight(text.String(), "\n")
	p.Fix = "look at the differences; to have them as recorded: signgate apply --overwrite-changes=" + strings.Join(planned(open), ",")
	return p
}

// planned names steps of a plan.
func planned(all []engine.Planned) []string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.ID
	}
	return out
}

func printDrift(out io.Writer, changes []engine.Planned) {
	for _, p := range changes {
		fmt.Fprintf(out, "  %-12s is:     %s\n               wanted: %s\n", p.ID,
			problem.Clean(strings.Join(p.Change.Before, ", ")), problem.Clean(strings.Join(p.Change.After, ", ")))
	}
}

func counted(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(more, n)
}
