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
	s.rest()
	use, err := s.useOfKey(ctx)
	if err != nil {
		return nil, err
	}
	rec := s.store.Record()
	var all []tui.Removal
	for _, e := range rec.Entries {
		if e.Phase == state.Gone {
			continue
		}
		r := tui.Removal{Name: steps.Describe(e.Resource)}
		r.Keep, r.Why = s.keeps(ctx, rec, use, e)
		all = append(all, r)
	}
	return all, ctx.Err()
}

// keeps says of one thing on record whether Destroy leaves it, and why; or what its removal brings with it.
func (s *session) keeps(ctx context.Context, rec state.Record, use steps.KeyUse, e state.Entry) (keep bool, why string) {
	signing := e.Kind == "cloudkms.cryptoKeyVersion" || e.Kind == "file"
	switch {
	case e.Phase == state.Found:
		return true, "it was there before this setup"
	case signing && s.keepsKey(use) != "":
		return true, s.keepsKey(use)
	case e.Kind == "cloudkms.cryptoKeyVersion":
		return false, "disabled now, destroyed by Google on " + time.Now().Add(use.Grace).Format("2 January 2006") + "; until then it can be restored"
	case e.Step == steps.StepSign && !steps.WithRepository(rec, e.Name):
		return true, "signed with signgate sign, in a repository that stays"
	case e.Kind == "artifactregistry.repository":
		return steps.RepositoryGoes(ctx, rec, s.site.clients, s.page(e.Step))
	}
	return steps.Stays(e.Resource)
}

// keepsKey says why the key is left, whose use this is; "" if it is not.
func (s *session) keepsKey(use steps.KeyUse) string {
	if use.Needed() && !s.removeKey {
		return use.Why()
	}
	return ""
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

// Destroy removes what this setup made, looks whether it is gone, and then forgets
// the setup: its record goes last, and stays as long as something does that a later
// destroy would remove.
func (s *session) Destroy(ctx context.Context, emit func(engine.Event)) error {
	use, err := s.useOfKey(ctx)
	if err != nil {
		return err
	}
	before := s.store.Record()
	o := s.options
	o.KeepKey = s.keepsKey(use)
	s.steps = steps.List(before.Answers, s.site.clients, o)
	e, err := s.work()
	if err != nil {
		return err
	}
	if err := s.finished(time.Time{}); err != nil {
		return err
	}
	emit, end := s.taped(infos(s.steps), removal, emit)
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
		err = s.forget(before, o.KeepKey != "", say)
	}
	return last.say(err)
}

// verifyGone looks again at everything that was removed. What Google still shows for a moment is waited
// out; as long as it shows, it is on record as there: killed meanwhile, the next destroy removes it.
func (s *session) verifyGone(ctx context.Context, before state.Record, say func(string, ...any)) error {
	removed := goneSince(before, s.store.Record())
	var left []state.Resource
	var unseen []string
	err := gcp.Retry{For: time.Minute, When: func(err error) bool { return errors.Is(err, errLeft) },
		Notice: func(error) { say("still to be seen: %s; looking again", list(described(left))) },
	}.Do(ctx, func(ctx context.Context) error {
		shown := len(left) > 0
		left, unseen = steps.Left(ctx, s.steps, removed, s.page)
		if err := ctx.Err(); err != nil {
			return err
		}
		if shown || len(left) > 0 {
			if err := s.stillThere(before, removed, left); err != nil {
				return err
			}
		}
		if len(left) > 0 {
			return errLeft
		}
		return nil
	})
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
	say("looked again: what was removed is gone (%d things)", len(removed))
	return nil
}

// owned is an entry as it was in a record, if it was this setup's to remove.
func owned(before state.Record, e state.Entry) (was state.Entry, ok bool) {
	i := slices.IndexFunc(before.Entries, func(b state.Entry) bool { return b.Resource == e.Resource && b.Step == e.Step && b.Ours() })
	if i < 0 {
		return was, false
	}
	return before.Entries[i], true
}

// goneSince is what was this setup's before and is gone now.
func goneSince(before, now state.Record) []state.Resource {
	var all []state.Resource
	for _, e := range now.Entries {
		if _, ok := owned(before, e); ok && e.Phase == state.Gone {
			all = append(all, e.Resource)
		}
	}
	return all
}

// stillThere has the record say of what was removed whether it is gone: what is left is as it was before.
func (s *session) stillThere(before state.Record, removed, left []state.Resource) error {
	return s.store.Update(func(r *state.Record) error {
		for i, e := range r.Entries {
			was, ok := owned(before, e)
			switch {
			case !ok:
			case slices.Contains(left, e.Resource):
				r.Entries[i] = was
			case slices.Contains(removed, e.Resource):
				r.Entries[i].Phase = state.Gone
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
