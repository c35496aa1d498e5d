package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/state"
)

func newDestroy(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "destroy",
		GroupID: "setup",
		Short:   "Remove what this setup made, and leave what it found",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDestroy(cmd, a) },
	}
}

func runDestroy(cmd *cobra.Command, a *app) error {
	dir, err := a.recordsDir()
	if err != nil {
		return err
	}
	name, err := a.existing(dir)
	if err != nil {
		return err
	}
	a.owes = true
	_, err = state.Read(dir, name) // said before anything is opened: a damaged record stops here
	if errors.Is(err, state.ErrNotFound) {
		return noSetup(err)
	}
	if err != nil {
		return err
	}
	site, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer site.Close()
	store, err := state.Open(dir, name)
	if err != nil {
		return err
	}
	defer store.Close()
	s, err := a.newSession(cmd.Context(), site, store)
	if err != nil {
		return err
	}
	if err := a.agreeToRemove(cmd.Context(), s); err != nil {
		return err
	}
	defer a.stopSoftly(s)()
	err = s.Destroy(cmd.Context(), a.printer().emit)
	if err == nil && a.output == "text" {
		fmt.Fprintf(a.Out, "What stays is on record; %s makes the setup again.\n", a.lineFor("apply", name))
	}
	return a.ended(s, "destroy", err)
}

// agreeToRemove shows what goes and what stays, and asks unless that was said beforehand.
func (a *app) agreeToRemove(ctx context.Context, s *session) error {
	all := removals(s.store.Record())
	goes := 0
	for _, r := range all {
		word, why := "remove", ""
		if r.Keep {
			word = "keep"
		} else {
			goes++
		}
		if r.Why != "" {
			why = " (" + r.Why + ")"
		}
		if a.output == "text" {
			fmt.Fprintf(a.Out, "  %-7s %s%s\n", word, r.Name, why)
		}
	}
	if goes == 0 {
		fmt.Fprintf(a.Err, "signgate: setup %s has made nothing that would be removed\n", s.Name())
	}
	if a.yes || goes == 0 {
		return nil
	}
	yes, err := a.ask(ctx, fmt.Sprintf("remove these %d things from project %s (%s)?", goes, s.Answers().Project, s.store.Record().World))
	if err == nil && !yes {
		err = usagef("not confirmed, nothing was removed; signgate destroy --yes does not ask")
	}
	return err
}
