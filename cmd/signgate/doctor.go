package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

func newDoctor(a *app) *cobra.Command {
	var q *answerFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		GroupID: "setup",
		Short:   "Check sign-in, project, billing, location, APIs and each permission; change nothing",
		Long: `Check sign-in, project, billing, location, APIs and each permission that a setup needs, and change
nothing. What a setup on record was answered counts, where no flag or file says otherwise: that
of the newest, or of the one that --setup names. With the file of a class (-f, with participants in it) it also says what quota
and cost all of them together need.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd, a, q) },
	}
	q = addAnswerFlags(cmd)
	q.whole = true
	return cmd
}

func runDoctor(cmd *cobra.Command, a *app, q *answerFlags) error {
	a.owes = true
	answers, err := a.examinedAnswers(cmd, q)
	if err != nil {
		return err
	}
	site, err := a.open(cmd.Context())
	var signIn *gcp.CredentialsError
	if errors.As(err, &signIn) {
		return a.examined(time.Now(), []engine.Check{a.printed(engine.Check{
			ID: "sign-in", Group: "you", Title: "signed in to Google", State: engine.CheckFail, Problem: problem.From(err)})})
	}
	if err != nil {
		return err
	}
	defer site.Close()
	if answers.Project = cmp.Or(answers.Project, site.project); answers.Project == "" {
		return whichProject()
	}
	var class []engine.Check
	if q.participant == "" && len(q.class) > 0 {
		class = steps.ClassChecks(answers, q.class)
	}
	return a.examine(cmd.Context(), site, answers, class)
}

// examine runs the preflight and says each check as it ends, and then what else there is to say.
func (a *app) examine(ctx context.Context, s *site, answers state.Answers, more []engine.Check) error {
	start := time.Now()
	all, err := steps.Preflight(ctx, answers, s.clients, func(c engine.Check) {
		if c.State != engine.CheckRunning {
			a.printed(c)
		}
	})
	if err != nil {
		return err
	}
	for _, c := range more {
		a.printed(c)
	}
	return a.examined(start, append(all, more...))
}

// examined says how a preflight ended.
func (a *app) examined(start time.Time, all []engine.Check) error {
	n := countChecks(all)
	if a.output == "json" {
		sum := engine.Summary{OK: n[engine.CheckFail] == 0, Seconds: time.Since(start).Seconds(), Failed: n[engine.CheckFail]}
		jsonPrinter(a.Out)(engine.Event{Time: time.Now(), Type: engine.TypeSummary, Summary: &sum})
	} else {
		fmt.Fprintf(a.Out, "%s; nothing was changed\n", saidChecks(n))
	}
	a.owes = false
	if n[engine.CheckFail] > 0 {
		return codeError(exitFailed)
	}
	return nil
}

func countChecks(all []engine.Check) map[engine.CheckState]int {
	n := map[engine.CheckState]int{}
	for _, c := range all {
		n[c.State]++
	}
	return n
}

// saidChecks is a preflight in a line.
func saidChecks(n map[engine.CheckState]int) string {
	line := fmt.Sprintf("%d checks passed", n[engine.CheckPass])
	if k := n[engine.CheckFail]; k > 0 {
		line += fmt.Sprintf(", %d failed", k)
	}
	if k := n[engine.CheckUnknown]; k > 0 {
		line += fmt.Sprintf(", %d cannot be told", k)
	}
	return line
}

func whichProject() error {
	return usagef("which project? --project ID (gcloud projects list shows them), a config file (-f), or GOOGLE_CLOUD_PROJECT")
}

// printed says one check and hands it back.
func (a *app) printed(c engine.Check) engine.Check {
	c = a.checkHere(c)
	if a.output == "json" {
		jsonPrinter(a.Out)(engine.Event{Time: time.Now(), Type: engine.TypeCheck, Check: &c})
		return c
	}
	fmt.Fprintf(a.Out, "  %-11s  %s\n", c.State, strings.TrimSpace(fmt.Sprintf("%-48s %s", problem.Clean(c.Title), problem.Clean(c.Detail))))
	if c.Problem != nil {
		printProblem(a.Out, c.Problem)
	}
	return c
}
