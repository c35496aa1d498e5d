package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/steps"
)

func newTry(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "try IMAGE",
		GroupID: "setup",
		Short:   "Ask the cluster whether it would admit an image, and why; exit code 3 if not",
		Long: `Ask the cluster whether it would admit an image in the protected namespace, and why. It is
a dry run on the server: nothing is created.`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error { return runTry(cmd, a, args[0]) },
	}
}

func runTry(cmd *cobra.Command, a *app, image string) error {
	if _, err := imageNamed(image); err != nil {
		return err
	}
	setup, rec, err := a.recorded()
	if err != nil {
		return err
	}
	site, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer site.Close()
	site.clients.BillTo(rec.Answers.Project)
	v, err := steps.Try(cmd.Context(), rec.Answers, site.clients, image)
	if err != nil {
		return err
	}
	v.Fix = a.here(v.Fix, setup)
	if a.output == "json" {
		a.printer().emit(engine.Event{Time: time.Now(), Type: engine.TypeVerdict, Verdict: &v})
	} else {
		fmt.Fprintf(a.Out, "%s: %s (%s)\n  %s\n", v.Actual, steps.Meaning(v.Reason), v.Reason, strings.ReplaceAll(problem.Clean(v.Message), "\n", "\n  "))
		if v.Fix != "" {
			fmt.Fprintf(a.Out, "  try: %s\n", v.Fix)
		}
	}
	if v.Actual != engine.Admitted {
		return codeError(exitDiffers)
	}
	return nil
}
