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
	have := s.Answers()
	if have == a {
		return nil
	}
	if err := invalid(a); err != nil {
		return err
	}
	replaced, err := s.replaced(a)
	if err != nil {
		return err
	}
	if err := s.takeBack(ctx, replaced); err != nil {
		return err
	}
	if err := s.store.Update(func(r *state.Record) error { *r = reset(*r, a, replaced); return nil }); err != nil {
		return err
	}
	return s.answered(ctx, have)
}

// consider is Change on a record that is never saved, for a look at what would be: nothing is
// taken back, and the setup keeps its answers.
func (s *session) consider(ctx context.Context, a state.Answers) error {
	have := s.Answers()
	if have == a {
		return nil
	}
	replaced, err := s.replaced(a)
	if err != nil {
		return err
	}
	s.store = s.store.Scratch(reset(s.store.Record(), a, replaced))
	return s.answered(ctx, have)
}

// answered lines up what follows from the answers that are on record instead of others.
func (s *session) answered(ctx context.Context, before state.Answers) error {
	s.line()
	if before.Project == s.Answers().Project {
		return nil
	}
	return s.site.bind(ctx, s.store)
}

// replaced are the steps whose things other answers decide anew. It fails where one of them
// has been made.
func (s *session) replaced(a state.Answers) (map[string]bool, error) {
	rec := s.store.Record()
	paths := changedKeys(rec.Answers, a)
	if rec.Answers.Federated() != a.Federated() { // to Autopilot, or from it
		paths = append(paths, "workloadIdentity")
	}
	replaced := map[string]bool{}
	for _, path := range paths {
		for _, step := range steps.Decides(path) {
			replaced[step] = true
		}
	}
	for _, e := range rec.Entries {
		if replaced[e.Step] && e.Phase == state.Made {
			return nil, problem.Raise("setup-settled", fmt.Errorf("%s was made already; %s",
				steps.Describe(e.Resource), strings.Join(differences(rec.Answers, a), "; ")))
		}
	}
	return replaced, nil
}

// begunBy describes what of these steps was meant to be made, and may be there.
func (s *session) begunBy(replaced map[string]bool) []string {
	var all []string
	for _, e := range s.Entries() {
		if replaced[e.Step] && unfinished(e) {
			all = append(all, steps.Describe(e.Resource))
		}
	}
	return all
}

func unfinished(e state.Entry) bool { return e.Phase == state.Intended }

// takeBack undoes, the last first, what of these steps was begun.
func (s *session) takeBack(ctx context.Context, replaced map[string]bool) error {
	for _, step := range slices.Backward(s.steps) {
		id := step.Info().ID
		l := s.page(id)
		if !replaced[id] || !slices.ContainsFunc(l.Entries(), unfinished) {
			continue
		}
		if err := step.Undo(ctx, l); err != nil {
			return fmt.Errorf("take back what step %s had begun: %w", id, err)
		}
		if slices.ContainsFunc(l.Entries(), unfinished) {
			return problem.Raise("setup-settled", errors.New("what step "+id+" had begun cannot be taken back"))
		}
	}
	return nil
}

// reset is a record with other answers, and without what these steps have on it.
func reset(rec state.Record, a state.Answers, replaced map[string]bool) state.Record {
	if rec.Answers.Project != a.Project {
		rec.World.ProjectNumber = "" // it is bound to the other one
	}
	rec.Answers = a
	rec.Entries = slices.DeleteFunc(rec.Entries, func(e state.Entry) bool { return replaced[e.Step] })
	for step := range replaced {
		for _, pin := range steps.PinsOf(step) {
			delete(rec.Pins, pin)
		}
	}
	return rec
}
