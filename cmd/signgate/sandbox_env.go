package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
)

func newSandboxEnv(a *app) *cobra.Command {
	var unset bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the environment that leads programs to the sandbox, as lines for a shell",
		Long: `Print the environment that leads programs to the sandbox, as lines for a shell:

  eval "$(signgate sandbox env)"           from here on this shell is in the sandbox
  eval "$(signgate sandbox env --unset)"   and now it is not

Variables that could lead past it (NO_PROXY, CLOUDSDK_*, …) are unset, and do not
come back with --unset. To try one command: signgate sandbox run -- COMMAND.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.runningSandbox(cmd.Context())
			if err != nil {
				return err
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
	return cmd
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
	cmd := &cobra.Command{
		Use:   "run -- COMMAND [ARGUMENT…]",
		Short: "Run any program with the sandbox for its Google Cloud, starting the sandbox if need be",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := exec.LookPath(args[0])
			if err != nil && !errors.Is(err, exec.ErrDot) {
				fmt.Fprintf(a.Err, "signgate: %v\n", err)
				return codeError(127) // as shells do
			}
			r, started, err := a.ensureSandbox(cmd.Context())
			if err != nil {
				return err
			}
			if started {
				fmt.Fprintf(a.Err, "sandbox: up at %s; %s ends it\n", r.Status.Proxy, a.sandboxLine("down"))
			}
			if err := become(path, args, r.Environ(a.env.list)); err != nil {
				fmt.Fprintf(a.Err, "signgate: run %s: %v\n", path, err)
				return codeError(126)
			}
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}
