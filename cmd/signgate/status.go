package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/state"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		GroupID: "setup",
		Short:   "Compare what is there with what is on record; exit code 3 if they differ",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runStatus(cmd, a) },
	}
}

func runStatus(cmd *cobra.Command, a *app) error {
	name, rec, err := a.recorded()
	if err != nil {
		return err
	}
	if a.output == "text" {
		printRecord(a.Out, rec)
	}
	site, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer site.Close()
	store, err := state.Open(site.dir, name)
	var locked *state.LockedError
	if errors.As(err, &locked) {
		fmt.Fprintf(a.Err, "signgate: %v; above is what it has put on record so far\n", locked)
		return nil
	}
	if err != nil {
		return err
	}
	defer store.Close()
	s, err := a.newSession(cmd.Context(), site, store)
	if err != nil {
		return err
	}
	plan, err := s.plan(cmd.Context(), a.printer().emit)
	if err == nil && !plan.Clean() {
		err = errNotAsRecorded
	}
	return err
}

// printRecord says what a record is about, without looking at the world.
func printRecord(out io.Writer, rec state.Record) {
	when := "not finished"
	if !rec.Finished.IsZero() {
		when = "finished " + rec.Finished.Local().Format("2 January 2006 15:04")
	}
	count := map[state.Phase]int{}
	for _, e := range rec.Entries {
		count[e.Phase]++
	}
	fmt.Fprintf(out, "Setup %s in %s: project %s, %s, %s\n", rec.Name, rec.World, rec.Answers.Project, rec.Answers.Region, when)
	fmt.Fprintf(out, "on record: %d made, %d found, %d begun, %d removed\n", count[state.Made], count[state.Found], count[state.Intended], count[state.Gone])
}
