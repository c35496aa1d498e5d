package main

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/state"
)

func newSandboxEnv(a *app) *cobra.Command {
	var unset bool
	var project string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the environment that leads programs to the sandbox, as lines for a shell",
		Long: `Print the environment that leads programs to the sandbox, as lines for a shell:

  eval "$(signgate sandbox env)"           from here on this shell is in the sandbox
  eval "$(signgate sandbox env --unset)"   and now it is not

Variables that could lead past it (NO_PROXY, CLOUDSDK_*, …) are unset, and do not
come back with --unset. To try one command: signgate sandbox run -- COMMAND.

` + projectPointedAt,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := noProject(project); err != nil {
				return err
			}
			r := &sandbox.Running{} // the names of the variables are the same of any, also of one that is down
			if !unset {
				var err error
				if r, err = a.runningSandbox(cmd.Context()); err != nil {
					return err
				}
				r.In(a.toolsProject(project, r.Status.Dir))
			}
			vars := map[string]*string{}
			for _, v := range r.Variables(a.env.list) {
				gone := v.Clear || unset
				if vars[v.Name] = &v.Value; gone {
					vars[v.Name] = nil
				}
				switch {
				case a.output == "json":
				case gone:
					fmt.Fprintf(a.Out, "unset %s\n", v.Name)
				default:
					fmt.Fprintf(a.Out, "export %s=%s\n", v.Name, shellQuote(v.Value))
				}
			}
			if a.output == "json" {
				return a.printJSON(vars)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&unset, "unset", false, "print the lines that take it back")
	projectFlag(cmd, &project)
	return cmd
}

const projectPointedAt = `GOOGLE_CLOUD_PROJECT and gcloud's project are those of the newest setup. Before there
is one they are ` + sandbox.InUse + `, where the APIs are on and nothing is made yet; ` + sandbox.Project + ` is as
new as a project can be.`

func projectFlag(cmd *cobra.Command, project *string) {
	cmd.Flags().StringVar(project, "project", "", "that programs are pointed at")
}

// noProject refuses what cannot be a project's id. One that is not there yet may be made by what is run.
func noProject(asked string) error {
	if asked == "" {
		return nil
	}
	wrong := state.Validate(state.Answers{Project: asked})
	return misfit("", slices.DeleteFunc(wrong, func(f state.FieldError) bool { return f.Path != "project" }))
}

// toolsProject is the project that programs are pointed at.
func (a *app) toolsProject(asked, sandboxDir string) string {
	if asked != "" {
		return asked
	}
	all, err := state.List(sandboxDir)
	if err != nil {
		return sandbox.InUse
	}
	newest := state.Record{Answers: state.Answers{Project: sandbox.InUse}}
	for _, one := range all {
		if one.Err == nil && one.Record.Created.After(newest.Created) {
			newest = one.Record
		}
	}
	return newest.Answers.Project
}

// shellQuote makes one word of a text for any POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/.:_-+@=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func newSandboxRun(a *app) *cobra.Command {
	var project string
	cmd := &cobra.Command{
		Use:   "run -- COMMAND [ARGUMENT…]",
		Short: "Run any program with the sandbox for its Google Cloud, starting the sandbox if need be",
		Long:  "Run any program with the sandbox for its Google Cloud, starting the sandbox if need be.\n\n" + projectPointedAt,
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noProject(project); err != nil {
				return err
			}
			path, err := exec.LookPath(args[0])
			if err != nil && !errors.Is(err, exec.ErrDot) {
				fmt.Fprintf(a.Err, "signgate: %v\n", err)
				return codeError(127) // as shells do
			}
			r, err := a.sandboxUp(cmd.Context())
			if err != nil {
				return err
			}
			r.In(a.toolsProject(project, r.Status.Dir))
			if err := become(path, args, r.Environ(a.env.list)); err != nil {
				fmt.Fprintf(a.Err, "signgate: run %s: %v\n", path, err)
				return codeError(126)
			}
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false)
	projectFlag(cmd, &project)
	return cmd
}
