package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox"
)

func newSandboxStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say whether the sandbox is up, what it has and what is open",
		Long:  "Say whether the sandbox is up, what it has and what is open. Exit code 3: it is not up.",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.sandboxStatus(cmd.Context()) },
	}
}

func (a *app) sandboxStatus(ctx context.Context) error {
	dir, err := a.sandboxDir()
	if err != nil {
		return err
	}
	r, err := sandbox.Find(ctx, dir)
	var between *sandbox.BetweenError
	switch {
	case errors.As(err, &between):
		going := "up"
		if between.Ends {
			going = "down"
		}
		if a.output == "json" {
			_ = a.printJSON(map[string]any{"up": false, "dir": dir, "killed": false, "going": going})
		} else {
			fmt.Fprintf(a.Out, "going %s\n", going)
		}
		return codeError(exitDiffers)
	case errors.Is(err, sandbox.ErrDown):
		if a.output == "json" {
			_ = a.printJSON(map[string]any{"up": false, "dir": dir, "killed": errors.Is(err, sandbox.ErrKilled)})
		} else if errors.Is(err, sandbox.ErrKilled) {
			fmt.Fprintf(a.Out, "down     it was killed; the next start clears up: %s\n", a.sandboxLine("up"))
		} else {
			fmt.Fprintf(a.Out, "down     start it: %s\n", a.sandboxLine("up"))
		}
		return codeError(exitDiffers)
	case err != nil:
		return folder(err)
	}
	open, err := r.Exposed(ctx)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(struct {
			Up bool `json:"up"`
			sandbox.Status
			Open []string `json:"open"` // what others on the network could reach
		}{true, r.Status, open})
	}
	a.printStatus(r.Status, open)
	return nil
}

func (a *app) printStatus(st sandbox.Status, open []string) {
	w := tabwriter.NewWriter(a.Out, 0, 0, 3, ' ', 0)
	defer w.Flush()
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("up", "since %s, process %d", st.Since.Local().Format(time.DateTime), st.PID)
	row("proxy", "%s", st.Proxy)
	row("folder", "%s", st.Dir)
	row("calls", "%d", st.Calls)
	if st.Chart != nil {
		row("chart", "%s %s at %s", st.Chart.Name, st.Chart.Version, st.Chart.URL)
	}
	for _, c := range st.Clusters {
		row("cluster", "%s in %s/%s: %s, %s at %s", c.Name, c.Project, c.Location, c.Status, c.Version, c.Endpoint)
	}
	if len(st.Clusters) == 0 {
		row("clusters", "none")
	}
	if l := st.Latency; l != nil {
		row("latency", "%s, times %g", l.Profile, l.Factor)
	}
	if st.Consistency != nil {
		row("consistency", "%s", consistencyWords(*st.Consistency))
	}
	if len(st.Quota) > 0 {
		row("quota", "%s", quotaWords(st.Quota))
	}
	if len(st.Missing) > 0 {
		row("missing", "%s (make build): no clusters without", strings.Join(st.Missing, ", "))
	}
	if len(st.Rebuilt) > 0 {
		row("rebuilt", "%s", a.rebuilt(st))
	}
	for _, t := range st.Trouble {
		row("trouble", "%s", t)
	}
	for _, o := range open {
		row("open", "%s", o)
	}
	if len(open) == 0 {
		row("open", "nothing beyond this machine")
	}
}
