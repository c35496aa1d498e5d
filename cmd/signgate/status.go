package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		GroupID: "setup",
		Short:   "Compare what is there with what is on record; exit code 3 if they differ",
		Long: `Compare what is there with what is on record and wanted, resource by resource, and say what each
difference means for the gate and what repairs it. It changes nothing. Exit code 3 if anything differs.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd, a) },
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
	if a.output == "text" && errors.As(err, &locked) { // nobody has looked, so this is no "all as recorded"
		p := problem.From(err)
		p.Fix = "wait for it; above is what it has put on record so far"
		return p
	}
	if err != nil {
		return err
	}
	defer store.Close()
	s, err := a.newSession(cmd.Context(), site, store)
	if err != nil {
		return err
	}
	report, err := s.Status(cmd.Context())
	if err != nil {
		return err
	}
	if a.output == "json" {
		err = a.printJSON(report)
	} else {
		printReport(a.Out, report, a.sandbox)
	}
	if err == nil && !report.OK {
		err = errNotAsRecorded
	}
	return err
}

// runningSince is for how long the cluster of a record has been there, and what it has cost since.
// The cloud's own word counts: an entry may be younger, where a lost record was written anew.
func runningSince(rec state.Record, found []engine.Finding) *engine.Running {
	for _, e := range rec.Entries {
		if e.Kind != "container.cluster" || e.Phase != state.Made {
			continue
		}
		since := e.Time
		for _, f := range found {
			if f.Resource == e.Resource && !f.Created.IsZero() {
				since = f.Created
			}
		}
		r := &engine.Running{Since: since, Seconds: time.Since(since).Seconds()}
		if cost, ok := steps.CostOf(rec.Answers); ok {
			r.Hourly, r.SoFar, r.Note = cost.Hourly, cost.Hourly*r.Seconds/3600, cost.Note
		}
		return r
	}
	return nil
}
