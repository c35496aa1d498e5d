package main

import "github.com/spf13/cobra"

func newPlan(a *app) *cobra.Command {
	var q *answerFlags
	var to string
	cmd := &cobra.Command{
		Use:     "plan",
		GroupID: "setup",
		Short:   "Say what apply would do, and change nothing",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runPlan(cmd, a, q, to) },
	}
	q = addAnswerFlags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "stop after this `step` and what it needs")
	return cmd
}

func runPlan(cmd *cobra.Command, a *app, q *answerFlags, to string) error {
	a.until(to)
	s, fresh, err := a.prepare(cmd, q)
	if err != nil {
		return err
	}
	defer s.leave(fresh)
	want, err := a.reanswered(cmd, q, s)
	if err != nil {
		return err
	}
	if err := s.consider(cmd.Context(), want); err != nil {
		return err
	}
	if err := s.upTo(to); err != nil {
		return err
	}
	out := a.printer()
	out.preflight = true
	_, err = s.feasible(cmd.Context(), out.emit)
	return err
}
