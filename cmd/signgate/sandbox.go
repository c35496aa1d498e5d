package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/sandbox"
)

func newSandbox(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sandbox",
		GroupID: "help",
		Short:   "A Google Cloud on this machine: start it, use it, look into it",
		Long: `The sandbox is a Google Cloud with Kubernetes Engine on this machine, made of real
parts. signgate --sandbox starts it by itself; here it is handled by hand. Any other
program finds it by its environment: signgate sandbox run -- COMMAND.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newSandboxUp(a), newSandboxDown(a), newSandboxStatus(a), newSandboxEnv(a), newSandboxRun(a), newSandboxKubeconfig(a),
		newSandboxReset(a), newSandboxCalls(a), newSandboxFault(a), newSandboxLatency(a),
		newSandboxConsistency(a), newSandboxQuota(a), newSandboxLogs(a),
		newSandboxServe(a), newSandboxToken(a),
	)
	return cmd
}

// sandboxDir is the sandbox's own folder in the state folder.
func (a *app) sandboxDir() (string, error) {
	dir, err := filepath.Abs(a.stateDir)
	return filepath.Join(dir, "sandbox"), err
}

// binDir is where the sandbox's programs are: beside signgate, or where SIGNGATE_BIN says.
func (a *app) binDir() (string, error) {
	if dir := a.env.first("SIGNGATE_BIN"); dir != "" {
		return filepath.Abs(dir)
	}
	exe, err := os.Executable()
	return filepath.Dir(exe), err
}

// runningSandbox finds the sandbox, or says in words that it is down.
func (a *app) runningSandbox(ctx context.Context) (*sandbox.Running, error) {
	dir, err := a.sandboxDir()
	if err != nil {
		return nil, err
	}
	r, err := sandbox.Await(ctx, dir)
	if errors.Is(err, sandbox.ErrDown) {
		p := problem.Raise("sandbox-down", err)
		p.Fix = a.sandboxLine("up")
		return nil, p
	}
	return r, folder(err)
}

// setSandbox changes how the running sandbox behaves, and says how from now on. What it does not take is wrong usage.
func (a *app) setSandbox(ctx context.Context, what, words string, set func(*sandbox.Running) error) error {
	r, err := a.runningSandbox(ctx)
	if err != nil {
		return err
	}
	var silent *url.Error
	if err := set(r); errors.As(err, &silent) {
		return err
	} else if err != nil {
		return usagef("%v", err)
	}
	fmt.Fprintf(a.Out, "%s: %s\n", what, words)
	return nil
}

// sandboxLine is a command line for this sandbox, to be shown.
func (a *app) sandboxLine(verb string) string {
	line := "signgate sandbox " + verb
	if a.stateDir != a.env.stateDir() {
		line += " --state-dir " + shellQuote(a.stateDir)
	}
	return line
}

func newSandboxUp(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Start the sandbox, and return when it is ready",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, started, err := a.ensureSandbox(cmd.Context())
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(r.Status)
			}
			a.noteRebuilt(r.Status)
			word := "up"
			if !started {
				word = "already up"
			}
			fmt.Fprintf(a.Out, "sandbox: %s at %s (process %d)\n", word, r.Status.Proxy, r.Status.PID)
			return nil
		},
	}
}

func newSandboxDown(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the sandbox with all its clusters; what was made in it stays",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			words, err := a.stopSandbox(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "sandbox: %s\n", words)
			return nil
		},
	}
}

// stopSandbox ends the sandbox in whatever state it is and says what it found.
func (a *app) stopSandbox(ctx context.Context) (string, error) {
	dir, err := a.sandboxDir()
	if err != nil {
		return "", err
	}
	r, err := sandbox.Find(ctx, dir)
	if between := (*sandbox.BetweenError)(nil); errors.As(err, &between) {
		if between.Ends {
			return "down", between.Gone(ctx)
		}
		r, err = sandbox.Await(ctx, dir)
	}
	switch {
	case errors.Is(err, sandbox.ErrKilled):
		err := sandbox.Sweep(ctx, dir)
		if errors.Is(err, sandbox.ErrInUse) { // it is being started meanwhile
			return a.stopSandbox(ctx)
		}
		return "was killed; what it left is cleared up", folder(err)
	case errors.Is(err, sandbox.ErrDown):
		return "is not up", nil
	case err != nil:
		return "", folder(err)
	}
	return "down", r.Stop(ctx)
}

func newSandboxReset(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Stop the sandbox and forget everything that was made in it",
		Long: `Stop the sandbox and forget everything in it: projects, keys, images and clusters, its
certificate authority and sign-ins, and the records of the setups made in it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.sandboxDir()
			if err != nil {
				return err
			}
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				fmt.Fprintln(a.Out, "sandbox: nothing to forget")
				return nil
			}
			if err := sandbox.Usable(dir); err != nil { // before it is asked for
				return folder(err)
			}
			if !a.yes {
				yes, err := a.ask(cmd.Context(), "forget everything in "+dir+"?")
				if err != nil {
					return err
				}
				if !yes {
					return usagef("not confirmed; %s does not ask", a.again("--yes"))
				}
			}
			if _, err := a.stopSandbox(cmd.Context()); err != nil {
				return err
			}
			if err := sandbox.Reset(cmd.Context(), dir); err != nil {
				return folder(err)
			}
			fmt.Fprintln(a.Out, "sandbox: everything in it is forgotten")
			return nil
		},
	}
}
