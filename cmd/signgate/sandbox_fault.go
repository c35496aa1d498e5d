package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/fault"
)

func newSandboxFault(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Let calls fail, be late or lost, as they do on a real cloud",
		Long: `Let calls to the sandbox's Google Cloud go wrong, to see what a program makes of it. A
fault lasts until it is cleared, or the sandbox ends. signgate sandbox calls shows what
was called.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFaultAdd(a), newFaultList(a), newFaultRelease(a), newFaultClear(a))
	return cmd
}

func newFaultAdd(a *app) *cobra.Command {
	var f fault.Fault
	cmd := &cobra.Command{
		Use:   "add TARGET",
		Short: "Say what is to go wrong, where and when",
		Long: `Say what is to go wrong, where and when. TARGET is a method of a Google API, called over
gRPC or REST, or a host, with a path and an HTTP method if need be; * stands for anything.`,
		Example: `  signgate sandbox fault add CreateKeyRing --code UNAVAILABLE --nth 2
  signgate sandbox fault add KeyManagementService/AsymmetricSign --code RESOURCE_EXHAUSTED --retry-after 3s --times 2
  signgate sandbox fault add CreateRepository --after --cut            # done, but its answer is lost
  signgate sandbox fault add 'PUT *-docker.pkg.dev/v2/*/manifests/*' --code UNAVAILABLE --times 1
  signgate sandbox fault add oauth2.googleapis.com/token --code invalid_rapt`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.Target = args[0]; f.Code != strings.ToLower(f.Code) || !strings.HasPrefix(f.Code, "invalid_") {
				f.Code = strings.ToUpper(f.Code)
			}
			if _, err := new(fault.Set).Add(f); err != nil { // before anything is asked of the sandbox
				return usagef("%v", err)
			}
			r, err := a.runningSandbox(cmd.Context())
			if err != nil {
				return err
			}
			if f.ID, err = r.AddFault(cmd.Context(), f); err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(f)
			}
			fmt.Fprintf(a.Out, "%s: %s\n", f.ID, faultWords(f))
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.Nth, "nth", 0, "from the nth such call on (and only that one, without --times)")
	flags.IntVar(&f.Times, "times", 0, "to so many calls (0: to all)")
	flags.StringVar(&f.Code, "code", "", "answer with a code: UNAVAILABLE, PERMISSION_DENIED, RESOURCE_EXHAUSTED …; invalid_grant or invalid_rapt at the token endpoint")
	flags.StringVar(&f.Message, "message", "", "the words that go with the code (default: Google's)")
	flags.DurationVar(&f.RetryAfter, "retry-after", 0, "tell clients when to try again")
	flags.DurationVar(&f.Delay, "delay", 0, "be late")
	flags.BoolVar(&f.Cut, "cut", false, "cut the connection")
	flags.BoolVar(&f.After, "after", false, "after the call has taken effect, not before")
	flags.BoolVar(&f.Hold, "hold", false, "hold the call until it is released")
	return cmd
}

// faultWords says what a fault does.
func faultWords(f fault.Fault) string {
	var does []string
	if f.Hold {
		does = append(does, "held")
	}
	if f.Delay > 0 {
		does = append(does, f.Delay.String()+" late")
	}
	if f.Cut {
		does = append(does, "cut off")
	}
	if f.Code != "" {
		does = append(does, "answered "+f.Code)
	}
	when := "before it takes effect"
	if f.After {
		when = "after it took effect"
	}
	which, are := "every call", "is"
	if f.Times > 1 {
		are = "are"
	}
	switch {
	case f.Nth > 0 && f.Times <= 1:
		which = fmt.Sprintf("call %d", f.Nth)
	case f.Nth > 0:
		which = fmt.Sprintf("calls %d to %d", f.Nth, f.Nth+f.Times-1)
	case f.Times == 1:
		which = "the next call"
	case f.Times > 0:
		which = fmt.Sprintf("the next %d calls", f.Times)
	}
	return fmt.Sprintf("%s of %s %s %s, %s", which, f.Target, are, strings.Join(does, ", "), when)
}

func newFaultList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Print the faults, and how often they happened",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.runningSandbox(cmd.Context())
			if err != nil {
				return err
			}
			all, err := r.ListFaults(cmd.Context())
			if err != nil {
				return err
			}
			if a.output == "json" {
				for _, f := range all {
					if err := a.printJSON(f); err != nil {
						return err
					}
				}
				return nil
			}
			if len(all) == 0 {
				fmt.Fprintln(a.Out, "no faults: everything works as it should")
				return nil
			}
			w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tCALLS\tHAPPENED\tHELD\tFAULT")
			for _, f := range all {
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", f.ID, f.Calls, f.Hits, f.Held, faultWords(f.Fault))
			}
			return w.Flush()
		},
	}
}

func newFaultRelease(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "release ID",
		Short: "Let the calls go on that are held at a fault",
		Args:  oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.faulty(cmd.Context(), args)
			if err != nil {
				return err
			}
			return r.ReleaseFault(cmd.Context(), args[0])
		},
	}
}

func newFaultClear(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "clear [ID…]",
		Short: "Take faults away, or all of them",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.faulty(cmd.Context(), args)
			if err != nil {
				return err
			}
			return r.ClearFaults(cmd.Context(), args...)
		},
	}
}

// faulty is the sandbox, if it has all those faults.
func (a *app) faulty(ctx context.Context, ids []string) (*sandbox.Running, error) {
	r, err := a.runningSandbox(ctx)
	if err != nil {
		return nil, err
	}
	all, err := r.ListFaults(ctx)
	for _, id := range ids {
		if err == nil && !slices.ContainsFunc(all, func(f fault.Seen) bool { return f.ID == id }) {
			err = usagef("there is no fault %q; %s names them", id, a.sandboxLine("fault list"))
		}
	}
	return r, err
}
