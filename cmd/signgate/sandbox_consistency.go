package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox"
)

func newSandboxConsistency(a *app) *cobra.Command {
	c := sandbox.AsGoogle()
	var all float64
	cmd := &cobra.Command{
		Use:   "consistency PROFILE",
		Short: "Let changes take their time to be seen everywhere: immediate, google",
		Long: `Let changes take their time to be seen everywhere, until the sandbox ends:

  immediate   a change is in effect at once, as in the beginning
  google      an API that was switched on still answers SERVICE_DISABLED for a while,
              a new service account does not exist for policies and clusters, a policy
              is not in effect, a key version stays PENDING_GENERATION

--seconds says how long all of these take, the other flags how long each does.`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Profile = args[0]
			if flag := longer(cmd); flag != "" && c.Profile == sandbox.Immediate {
				return usagef("--%s goes with the profile %s, not with %s", flag, sandbox.Google, c.Profile)
			}
			for flag, value := range map[string]*float64{"api": &c.API, "account": &c.Account, "policy": &c.Policy, "key": &c.Key} {
				if cmd.Flags().Changed("seconds") && !cmd.Flags().Changed(flag) {
					*value = all
				}
			}
			return a.setSandbox(cmd.Context(), "consistency", consistencyWords(c), func(r *sandbox.Running) error { return r.SetConsistency(cmd.Context(), c) })
		},
	}
	cmd.Flags().Float64Var(&all, "seconds", 0, "that all of them take")
	cmd.Flags().Float64Var(&c.API, "api", c.API, "seconds until an API that was switched on answers")
	cmd.Flags().Float64Var(&c.Account, "account", c.Account, "seconds until a new service account is known")
	cmd.Flags().Float64Var(&c.Policy, "policy", c.Policy, "seconds until a policy is in effect")
	cmd.Flags().Float64Var(&c.Key, "key", c.Key, "seconds until a key version is generated")
	return cmd
}

// longer is a flag that was given of how long something takes, "" if none was.
func longer(cmd *cobra.Command) string {
	for _, flag := range []string{"seconds", "api", "account", "policy", "key"} {
		if cmd.Flags().Changed(flag) {
			return flag
		}
	}
	return ""
}

func consistencyWords(c sandbox.Consistency) string {
	if c.Profile == sandbox.Immediate {
		return c.Profile
	}
	return fmt.Sprintf("%s: an API takes %g s, an account %g s, a policy %g s, a key %g s", c.Profile, c.API, c.Account, c.Policy, c.Key)
}
