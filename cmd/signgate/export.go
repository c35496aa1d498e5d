package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/export"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/sandbox/chart"
	"github.com/signgate/signgate/state"
)

func newExport(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		GroupID: "setup",
		Short:   "Write the setup down for other programs: a script, Terraform, a config file, a build",
		Long: `Write the setup down for other programs, to standard output. What is on record is taken, or,
where nothing is, what the flags and the config file say. Nothing is asked of the cloud.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		exported(a, "script", "A bash script of gcloud, cosign, crane, helm and kubectl that does what the setup does",
			func(s export.Setup) (string, error) { return export.Script(s), nil }),
		exported(a, "terraform", "Terraform configuration, with an import block for each resource that is there", export.Terraform),
		exported(a, "config", "The answers as a config file, for apply -f",
			func(s export.Setup) (string, error) { return export.Config(s.Answers), nil }),
		exportedCI(a),
	)
	return cmd
}

func exported(a *app, name, short string, write func(export.Setup) (string, error)) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: noArgs}
	q := addAnswerFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runExport(cmd, a, q, write) }
	return cmd
}

func exportedCI(a *app) *cobra.Command {
	var build string
	cmd := exported(a, "ci", "A build that signs what it pushes with the setup's key: GitHub Actions and Cloud Build", func(s export.Setup) (string, error) {
		if build != "" {
			return export.CI(s, build)
		}
		first, err := export.CI(s, export.GitHub)
		if err != nil {
			return "", err
		}
		second, err := export.CI(s, export.CloudBuild)
		return first + "---\n" + second, err
	})
	cmd.Flags().StringVar(&build, "for", "", "the one of these only: github or cloudbuild")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("for") && build != export.GitHub && build != export.CloudBuild {
			return usagef("--for is %s or %s, not %q", export.GitHub, export.CloudBuild, build)
		}
		return nil
	}
	return cmd
}

func runExport(cmd *cobra.Command, a *app, q *answerFlags, write func(export.Setup) (string, error)) error {
	s, err := a.described(cmd, q)
	if err != nil {
		return err
	}
	text, err := write(s)
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.Out, text)
	return err
}

// described is the setup on record, or the one that flags and config file describe.
func (a *app) described(cmd *cobra.Command, q *answerFlags) (export.Setup, error) {
	chart, err := a.chartAtHand()
	if err != nil {
		return export.Setup{}, err
	}
	if q.asked(cmd) {
		answers, err := q.over(cmd, state.Defaults())
		if err == nil && answers.Project == "" {
			err = whichProject()
		}
		return export.Setup{Name: nameFor(answers), Answers: answers, Chart: chart}, err
	}
	_, rec, err := a.recorded()
	return export.Of(rec, chart), err
}

// chartAtHand is policy-controller's chart in the world that was asked for, without opening it:
// the sandbox's own, as it was built with it, or Sigstore's.
func (a *app) chartAtHand() (kube.Chart, error) {
	if !a.sandbox {
		return kube.Chart(assets.PolicyController()), nil
	}
	bin, err := a.binDir()
	if err != nil {
		return kube.Chart{}, err
	}
	served := chart.Load(bin, nil)
	if err := served.Problem(); err != nil {
		return kube.Chart{}, problem.Raise("sandbox-incomplete", err)
	}
	return kube.Chart{Repo: assets.PolicyController().Repo, Name: chart.Name, Version: chart.Version, Digest: served.Digest()}, nil
}
