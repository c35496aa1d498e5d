package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
	"github.com/signgate/signgate/tui"
)

// Removals says of everything on record whether Destroy removes it. What it says of
// the key is what Destroy then does.
func (s *session) Removals(ctx context.Context) ([]tui.Removal, error) {
	use, err := s.useOfKey(ctx)
	if err != nil {
		return nil, err
	}
	rec := s.store.Record()
	all := removals(rec, use, use.Needed() && !s.removeKey, time.Now())
	repository := func(e state.Entry) bool { return e.Kind == "artifactregistry.repository" && e.Ours() }
	if i := slices.IndexFunc(rec.Entries, repository); i >= 0 {
		at := slices.IndexFunc(all, func(r tui.Removal) bool { return r.Name == steps.Describe(rec.Entries[i].Resource) })
		page := engine.NewLedger(s.store, rec.Entries[i].Step, func(engine.Event) {})
		all[at].Keep, all[at].Why = steps.RepositoryGoes(ctx, rec, s.site.clients, page)
	}
	return all, ctx.Err()
}

// useOfKey is looked up once, so that what is done is what was shown.
func (s *session) useOfKey(ctx context.Context) (steps.KeyUse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keyUse != nil {
		return *s.keyUse, nil
	}
	use, err := steps.UseOfKey(ctx, s.store.Record(), s.site.clients, s.store.Folder())
	if err == nil {
		s.keyUse = &use
	}
	return use, err
}

func removals(rec state.Record, use steps.KeyUse, keepKey bool, now time.Time) []tui.Removal {
	var all []tui.Removal
	for _, e := range rec.Entries {
		r := tui.Removal{Name: steps.Describe(e.Resource)}
		kms := e.Kind == "cloudkms.cryptoKeyVersion" || e.Kind == "file"
		switch {
		case e.Phase == state.Gone:
			continue
		case e.Phase == state.Found:
			r.Keep, r.Why = true, "it was there before this setup"
		case kms && keepKey:
			r.Keep, r.Why = true, use.Why()
		case e.Kind == "cloudkms.cryptoKeyVersion":
			r.Why = "disabled now, destroyed by Google on " + now.Add(use.Grace).Format("2 January 2006") + "; until then it can be restored"
		case e.Step == steps.StepSign && !steps.WithRepository(rec, e.Name):
			r.Keep, r.Why = true, "signed with signgate sign, in a repository that stays"
		default:
			r.Keep, r.Why = steps.Stays(e.Resource)
		}
		all = append(all, r)
	}
	return all
}

// Destroy removes what this setup made, looks whether it is gone, and then forgets
// the setup: its record goes last, and stays as long as something does that a later
// destroy would remove.
func (s *session) Destroy(ctx context.Context, emit func(engine.Event)) error {
	use, err := s.useOfKey(ctx)
	if err != nil {
		return err
	}
	keep := use.Needed() && !s.removeKey
	before := s.store.Record()
	o := s.options
	o.KeepKey = keep
	s.steps = steps.List(before.Answers, s.site.clients, o)
	e, err := s.begin()
	if err != nil {
		return err
	}
	if err := s.finished(time.Time{}); err != nil {
		return err
	}
	emit, end := s.taped(infos(s.steps), "destroy", emit)
	defer end()
	last := &lastWord{emit: emit}
	_, err = e.Destroy(ctx, last.hold)
	if err != nil {
		return last.say(told(err))
	}
	say := func(format string, args ...any) {
		emit(engine.Event{Time: time.Now(), Type: engine.TypeNotice, Text: fmt.Sprintf(format, args...)})
	}
	if err = s.verifyGone(ctx, before, say); err == nil {
		err = s.forget(before, keep, say)
	}
	return last.say(err)
}

// verifyGone looks again at everything that was removed. What Google still shows for a moment is waited
// out; what stays is no more on record as gone.
func (s *session) verifyGone(ctx context.Context, before state.Record, say func(string, ...any)) error {
	var left []state.Resource
	var unseen []string
	err := gcp.Retry{For: time.Minute, When: func(err error) bool { return errors.Is(err, errLeft) },
		Notice: func(error) { say("still to be seen: %s; looking again", list(described(left))) },
	}.Do(ctx, func(ctx context.Context) error {
		left, unseen = steps.Left(ctx, s.steps, before, func(step string) engine.Ledger { return engine.NewLedger(s.store, step, func(engine.Event) {}) })
		if len(left) > 0 {
			return errLeft
		}
		return ctx.Err()
	})
	if len(left) > 0 {
		if err := s.stillThere(before, left); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, errLeft):
		p := problem.Raise("left-behind", nil)
		p.Words = strings.Join(described(left), "\n")
		return p
	case err != nil:
		return err
	case len(unseen) > 0:
		say("could not be looked at again: %s", list(unseen))
	}
	say("looked again: what was removed is gone (%d things)", countGone(s.store.Record())-countGone(before))
	return nil
}

// stillThere puts back on record what turned out not to be gone: the next destroy removes it.
func (s *session) stillThere(before state.Record, left []state.Resource) error {
	return s.store.Update(func(r *state.Record) error {
		for i, e := range r.Entries {
			was := slices.IndexFunc(before.Entries, func(b state.Entry) bool { return b.Resource == e.Resource && b.Step == e.Step && b.Ours() })
			if e.Phase == state.Gone && was >= 0 && slices.Contains(left, e.Resource) {
				r.Entries[i] = before.Entries[was]
			}
		}
		return nil
	})
}

func described(all []state.Resource) []string {
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = steps.Describe(r)
	}
	return out
}

func countGone(rec state.Record) int {
	n := 0
	for _, e := range rec.Entries {
		if e.Phase == state.Gone {
			n++
		}
	}
	return n
}

var errLeft = errors.New("something is left")

// forget removes the record, unless the key was kept: then it knows whose the key is.
func (s *session) forget(before state.Record, keepKey bool, say func(string, ...any)) error {
	now := s.store.Record()
	gone := func(r *state.Record) error {
		for i, e := range r.Entries {
			if e.Step == steps.StepSign && steps.WithRepository(before, e.Name) {
				r.Entries[i].Phase = state.Gone
			}
		}
		return nil
	}
	for _, e := range now.Entries {
		if stays, why := steps.Stays(e.Resource); stays && e.Phase == state.Made {
			say("%s stays: %s", steps.Describe(e.Resource), why)
		}
	}
	if keepKey {
		say("the record stays: it knows that the key is this setup's; %s removes both", s.app.lineFor("destroy", s.Name())+" --key")
		return s.store.Update(gone)
	}
	if err := s.store.Remove(); err != nil {
		return err
	}
	say("the record is gone too; %s makes a new setup, with what stays", s.app.lineFor("apply", ""))
	return nil
}
