package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
)

func newDestroy(a *app) *cobra.Command {
	var key bool
	cmd := &cobra.Command{
		Use:     "destroy",
		GroupID: "setup",
		Short:   "Remove what this setup made, and leave what it found",
		Long: `Remove what this setup made, and leave what it found. What goes and what stays is shown first; afterwards
each thing is looked for again, and the setup's record goes last. A key that has signed images which
stay is kept unless --key is given. Stopped anywhere, running it again goes on.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDestroy(cmd, a, key) },
	}
	cmd.Flags().BoolVar(&key, "key", false, "remove the key even if it has signed images that stay: they cannot be verified by it any more")
	return cmd
}

func runDestroy(cmd *cobra.Command, a *app, key bool) error {
	a.owes, a.verb = true, "destroy"
	if key {
		a.verb = "destroy --key"
	}
	s, err := a.onRecord(cmd.Context())
	if err != nil {
		return err
	}
	defer s.leave(false)
	s.removeKey = key
	if err := a.agreeToRemove(cmd.Context(), s); err != nil {
		return err
	}
	defer a.stopSoftly(s)()
	return a.ended(s, s.Destroy(cmd.Context(), a.printer().emit))
}

// agreeToRemove shows what goes and what stays, and asks unless that was said beforehand.
func (a *app) agreeToRemove(ctx context.Context, s *session) error {
	all, err := s.Removals(ctx)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		a.printer().emit(engine.Event{Time: time.Now(), Type: engine.TypeRemovals, Removals: all})
	}
	goes := 0
	for _, r := range all {
		if !r.Keep {
			goes++
		}
	}
	if goes == 0 {
		fmt.Fprintf(a.Err, "signgate: setup %s has made nothing that would be removed\n", s.Name())
	}
	if a.yes || goes == 0 {
		return nil
	}
	return a.agreed(ctx, s, fmt.Sprintf("remove these %d things from", goes), "removed")
}
