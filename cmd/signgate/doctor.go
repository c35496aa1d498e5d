package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

func newDoctor(a *app) *cobra.Command {
	var q *answerFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		GroupID: "setup",
		Short:   "Check sign-in, project, billing, APIs and each permission; change nothing",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd, a, q) },
	}
	q = addAnswerFlags(cmd)
	return cmd
}

func runDoctor(cmd *cobra.Command, a *app, q *answerFlags) error {
	answers, err := q.over(cmd, state.Defaults())
	if err != nil {
		return err
	}
	if err := checkAnswers(answers, answers.Project == ""); err != nil {
		return err
	}
	site, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer site.Close()
	if answers.Project == "" {
		if answers.Project, err = a.projectAtHand(site); err != nil {
			return err
		}
	}
	wrong := 0
	err = steps.Preflight(cmd.Context(), answers, site.clients, func(c steps.Check) {
		if c.State == steps.Fail {
			wrong++
		}
		a.printCheck(c)
	})
	if err == nil && wrong > 0 {
		err = codeError(exitFailed)
	}
	return err
}

// projectAtHand is that of the setup on record, or the one that the environment names.
func (a *app) projectAtHand(s *site) (string, error) {
	name, err := a.pick(s.dir, "")
	if err != nil {
		return "", err
	}
	if name != "" {
		rec, err := state.Read(s.dir, name)
		if err != nil {
			return "", err
		}
		return rec.Answers.Project, nil
	}
	if s.project == "" {
		return "", whichProject()
	}
	return s.project, nil
}

func whichProject() error {
	return usagef("which project? --project ID (gcloud projects list shows them), a config file (-f), or GOOGLE_CLOUD_PROJECT")
}

func (a *app) printCheck(c steps.Check) {
	if a.output == "json" {
		_ = a.printJSON(map[string]any{"type": "check", "check": c.ID, "state": c.State, "text": c.Detail, "error": c.Problem})
		return
	}
	fmt.Fprintf(a.Out, "  %-11s %-20s %s\n", c.State, c.Title, problem.Clean(c.Detail))
	if c.Problem != nil {
		printProblem(a.Out, c.Problem)
	}
}
