package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/problem"
)

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "explain [ID]",
		GroupID: "help",
		Short:   "Say what an error id means and what to try",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, e := range problem.Catalogue() {
					if a.output == "json" {
						if err := a.printJSON(meaning(e)); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(a.Out, "%-24s %s\n", e.ID, problem.Plain(e.What))
				}
				return nil
			}
			e, ok := problem.Explain(args[0])
			if !ok {
				return usagef("no error has the id %q; signgate explain lists them", args[0])
			}
			if a.output == "json" {
				return a.printJSON(meaning(e))
			}
			fmt.Fprintf(a.Out, "%s: %s\n", e.ID, problem.Plain(e.What))
			if e.Why != "" {
				fmt.Fprintf(a.Out, "\nwhy: %s\n", problem.Plain(e.Why))
			}
			fmt.Fprintf(a.Out, "\ntry: %s\n", problem.Plain(e.Fix))
			return nil
		},
	}
}

// meaning is an entry of the catalogue by the keys of a problem in a run's events.
func meaning(e problem.Entry) problem.Problem {
	return problem.Problem{ID: e.ID, What: problem.Plain(e.What), Why: problem.Plain(e.Why), Fix: problem.Plain(e.Fix)}
}
