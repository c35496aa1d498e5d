package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// Change takes other answers into the setup. What was made by the names that they
// replace stands in the way, since it would be left behind; what was only begun is
// taken back first.
func (s *session) Change(ctx context.Context, a state.Answers) error {
	rec := s.store.Record()
	if rec.Answers == a {
		return nil
	}
	if err := invalid(a); err != nil {
		return err
	}
	paths := changedKeys(rec.Answers, a)
	if rec.Answers.Federated() != a.Federated() { // to Autopilot, or from it
		paths = append(paths, "workloadIdentity")
	}
	touched := map[string]bool{}
	for _, path := range paths {
		for _, step := range steps.Decides(path) {
			touched[step] = true
		}
	}
	for _, e := range rec.Entries {
		if touched[e.Step] && e.Phase == state.Made {
			return problem.Raise("setup-settled", fmt.Errorf("%s was made already; %s",
				steps.Describe(e.Resource), strings.Join(differences(rec.Answers, a), "; ")))
		}
	}
	if err := s.takeBack(ctx, touched); err != nil {
		return err
	}
	err := s.store.Update(func(r *state.Record) error {
		r.Answers = a
		r.Entries = slices.DeleteFunc(r.Entries, func(e state.Entry) bool { return touched[e.Step] })
		for step := range touched {
			for _, pin := range steps.PinsOf(step) {
				delete(r.Pins, pin)
			}
		}
		return nil
	})
	if err == nil {
		s.line()
	}
	return err
}

// takeBack undoes, the last first, what of these steps was begun.
func (s *session) takeBack(ctx context.Context, touched map[string]bool) error {
	for _, step := range slices.Backward(s.steps) {
		id := step.Info().ID
		l := s.page(id)
		begun := slices.ContainsFunc(l.Entries(), func(e state.Entry) bool { return e.Phase == state.Intended })
		if !touched[id] || !begun {
			continue
		}
		if err := step.Undo(ctx, l); err != nil {
			return fmt.Errorf("take back what step %s had begun: %w", id, err)
		}
		if slices.ContainsFunc(l.Entries(), func(e state.Entry) bool { return e.Phase == state.Intended }) {
			return problem.Raise("setup-settled", errors.New("what step "+id+" had begun cannot be taken back"))
		}
	}
	return nil
}
