package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox"
)

func newSandboxQuota(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "quota none|new-project|NAME=LIMIT…",
		Short: "Limit what projects may use, as Google Cloud does: none, new-project",
		Long: `Limit what projects may use, until the sandbox ends. What is there already stays:

  none          no limits, as in the beginning
  new-project   those of a region in a new project; the guide's nine nodes do not fit
  NAME=LIMIT    these limits and no others

The names: ` + strings.Join(sandbox.QuotaNames(), ", ") + `.
LINKED_PROJECTS are those that one billing account pays for, PROJECTS those that there are.`,
		Args:      usageArgs(cobra.MinimumNArgs(1)),
		ValidArgs: append([]string{"none", "new-project"}, sandbox.QuotaNames()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := readQuota(args)
			if err != nil {
				return err
			}
			return a.setSandbox(cmd.Context(), "quota", quotaWords(q), func(r *sandbox.Running) error { return r.SetQuota(cmd.Context(), q) })
		},
	}
}

// readQuota reads limits as they are typed; later ones of a name hold.
func readQuota(args []string) (sandbox.Quota, error) {
	q := sandbox.Quota{}
	for _, arg := range args {
		name, limit, named := strings.Cut(arg, "=")
		switch {
		case named:
			n, err := strconv.ParseFloat(limit, 64)
			if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
				return nil, usagef("the limit %s is a number, not %q", name, limit)
			}
			q[name] = n
		case arg == "none":
			clear(q)
		case arg == "new-project":
			maps.Copy(q, sandbox.NewProject())
		default:
			return nil, usagef("%q is no quota: none, new-project or NAME=LIMIT", arg)
		}
	}
	return q, nil
}

func quotaWords(q sandbox.Quota) string {
	if len(q) == 0 {
		return "none"
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(q)) {
		all = append(all, fmt.Sprintf("%s=%g", name, q[name]))
	}
	return strings.Join(all, " ")
}
