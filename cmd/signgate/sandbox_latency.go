package main

import (
	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox"
)

func newSandboxLatency(a *app) *cobra.Command {
	l := sandbox.Latency{Factor: 1}
	cmd := &cobra.Command{
		Use:   "latency PROFILE",
		Short: "Let clusters and keys take their time: instant, demo, real",
		Long: `Let clusters and keys take their time, until the sandbox ends:

  instant   as fast as they can be, as in the beginning
  demo      a cluster in about 20 seconds, so that people can watch
  real      a cluster in about 6 minutes, as on Google Cloud; --factor 0.1 in a tenth of it`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			l.Profile = args[0]
			if cmd.Flags().Changed("factor") {
				switch {
				case l.Profile != sandbox.Real:
					return usagef("--factor goes with the profile %s, not with %s", sandbox.Real, l.Profile)
				case l.Factor == 0: // to the sandbox that is one that was not given
					return usagef("the factor is more than 0 and at most 100, not 0")
				}
			}
			return a.setSandbox(cmd.Context(), "latency", l.Profile, func(r *sandbox.Running) error { return r.SetLatency(cmd.Context(), l) })
		},
	}
	cmd.Flags().Float64Var(&l.Factor, "factor", 1, "of the times of the profile real")
	return cmd
}
