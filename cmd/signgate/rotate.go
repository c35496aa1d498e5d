package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/steps"
)

func newRotate(a *app) *cobra.Command {
	var finish bool
	cmd := &cobra.Command{
		Use:     "rotate",
		GroupID: "setup",
		Short:   "Sign with a new version of the key; the old one is accepted until --finish",
		Long: `Make a new version of the key, sign again with it whatever signgate has signed, and have the policy
accept both versions. What only the old version has signed keeps running and being admitted until
signgate rotate --finish: then the policy accepts the new version alone, and the old one is disabled.
Disabled, not destroyed: it can be had back. Stopped anywhere, running it again goes on.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRotate(cmd, a, finish) },
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "drop the old version: the policy accepts the new one alone, the old one is disabled")
	return cmd
}

func runRotate(cmd *cobra.Command, a *app, finish bool) error {
	ctx, out := cmd.Context(), a.printer()
	a.owes, a.verb = true, "rotate"
	if finish {
		a.verb = "rotate --finish"
	}
	s, err := a.onRecord(ctx)
	if err != nil {
		return err
	}
	defer s.leave(false)
	s.steps = steps.Rotation(s.Answers(), s.site.clients, s.options, s.store)
	if finish {
		s.steps = steps.RotationEnd(s.Answers(), s.site.clients, s.options, s.store)
	}
	plan, err := s.feasible(ctx, out.emit)
	if err != nil {
		return err
	}
	if drift := plan.Drift(); len(drift) > 0 { // a rotation reverts nobody, nor does it go on by an open gate: that is for apply, which asks
		return byHand(drift)
	}
	if err := a.agreeToRotate(ctx, s, plan, finish); err != nil {
		return err
	}
	defer a.stopSoftly(s)()
	out.quiet = plan.Clean()
	e, err := s.work()
	if err == nil {
		emit, end := s.taped(plan, "", out.emit)
		_, err = e.Run(ctx, plan, engine.Options{}, emit)
		end()
		err = told(err)
	}
	if err == nil && a.output == "text" {
		a.sayRotated(s, finish)
	}
	return a.ended(s, err)
}

func (a *app) agreeToRotate(ctx context.Context, s *session, plan engine.Plan, finish bool) error {
	if a.yes || plan.Clean() {
		return nil
	}
	what := "rotate the key in"
	if finish {
		what = "drop the old version of the key in"
	}
	return a.agreed(ctx, s, what, "changed")
}

func (a *app) sayRotated(s *session, finish bool) {
	pins := s.store.Record().Pins
	version, other := pins[steps.PinKeyVersion], pins[steps.PinOtherVersion]
	switch {
	case other != "":
		fmt.Fprintf(a.Out, "Version %s signs from now on, and version %s is still accepted.\n", version, other)
		fmt.Fprintf(a.Out, "When nothing depends on version %s any more: %s\n", other, a.lineFor("rotate --finish", s.Name()))
	case finish:
		fmt.Fprintf(a.Out, "Only version %s is accepted.\n", version)
	default:
		fmt.Fprintf(a.Out, "Version %s signs from now on; the version before it cannot be used any more, so it is not accepted either.\n", version)
	}
}
