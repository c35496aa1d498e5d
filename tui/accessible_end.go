package tui

import (
	"context"
	"errors"
	"strings"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// errGone ends the story of a setup that was removed.
var errGone = errors.New("removed")

// afterFailure says what went wrong and asks what to do.
func (l *lines) afterFailure() error {
	if l.stopped {
		return errLeave
	}
	if l.run.stopped() {
		l.say("Paused.")
	} else if p := l.run.cause(); p != nil {
		l.trouble(p)
	}
	choices := []choice{{doRetry, "try again"}, {doChange, "change answers"}, {doBack, "leave"}, {doDestroy, "destroy what this setup made"}}
	path, sure := l.cause()
	if sure {
		choices[1].text = "change " + questionName(path)
	}
	if l.run.count(engine.Failed) > 0 && l.run.essential() == "" {
		choices = append(choices, choice{doSkip, "leave it out"})
	}
	for {
		do, err := l.pickOne(choices)
		if err != nil {
			return err
		}
		switch do {
		case doRetry:
			return errAgain
		case doChange:
			if err := l.changeCause(path); !errors.Is(err, errStay) {
				return err
			}
		case doSkip:
			return l.done()
		case doDestroy:
			if gone, err := l.destroy(); gone || err != nil {
				return errors.Join(err, errGone)
			}
		default:
			return errLeave
		}
	}
}

// errStay asks the same question again.
var errStay = errors.New("stay")

// cause is the answer that the first failure asks to be changed.
func (l *lines) cause() (path string, sure bool) {
	a := &app{setup: setup{run: l.run}}
	return a.cause()
}

// changeCause asks for other answers, that of the failure first, and takes them into
// the setup at hand. Another project is another setup.
func (l *lines) changeCause(path string) error {
	l.answers = l.session.Answers()
	if path == "project" {
		return errBack
	}
	for _, f := range fields() {
		if f.Key == path {
			if err := l.changeField(f); err != nil {
				return err
			}
		}
	}
	if err := l.form(); err != nil {
		return err
	}
	if err := l.session.Change(l.ctx, l.answers); err != nil {
		l.trouble(asProblem(err))
		return errStay
	}
	return errAgain
}

// done says what there is now, and what one can do with it.
func (l *lines) done() error {
	a := &app{setup: setup{run: l.run}}
	if left := (&summary{app: a}).leftOut(); left != "" {
		l.say("Done without %s: %s tries it again.", left, l.session.Resume(false))
	} else {
		l.say("Done in %s.", clock(l.run.elapsed(l.now())))
	}
	for _, v := range l.run.verdicts {
		l.say("  %s: %s. %s", caseTitle(v.Case), newTheme().verdict(v).Word, meaning(v))
	}
	for _, e := range l.session.Entries() {
		if how, ok := map[state.Phase]string{state.Made: "made", state.Found: "was there before"}[e.Phase]; ok {
			l.say("  %s: %s %s", how, line(l.session.Describe(e)), line(l.session.Link(e)))
		}
	}
	l.price()
	if g, ok := l.session.(Guide); ok {
		l.say("What next:")
		for _, hint := range g.Next() {
			l.say("  %s: %s", line(hint.What), line(hint.Command))
		}
	}
	choices := []choice{{doAccept, "finish"}, {doDestroy, "destroy it again"}}
	trier, ok := l.session.(Trier)
	if ok {
		choices = append(choices, choice{doTry, "ask the cluster about an image"})
	}
	for {
		do, err := l.pickOne(choices)
		switch {
		case err != nil:
			return err
		case do == doAccept:
			return nil
		case do == doDestroy:
			if gone, err := l.destroy(); gone || err != nil {
				return err
			}
		default:
			if err := l.try(trier); err != nil {
				return err
			}
		}
	}
}

func (l *lines) try(t Trier) error {
	image, err := l.ask("Image", "docker.io/library/busybox")
	if err != nil {
		return err
	}
	v, err := t.Try(l.ctx, image)
	if err != nil {
		l.trouble(asProblem(err))
		return nil
	}
	l.say("%s would be %s: %s. The cluster said: %s", imageName(v.Image), line(v.Actual), line(t.Means(v.Reason)), words(v.Message))
	return nil
}

// joined is a name and what there is to say of it; either may be missing.
func joined(name, more string) string {
	if name == "" || more == "" {
		return name + more
	}
	return name + ": " + more
}

// destroy says what goes and what stays and takes the typed name as the
// confirmation. What fails can be tried again.
func (l *lines) destroy() (gone bool, err error) {
	all, err := l.session.Removals(l.ctx)
	if err != nil {
		l.trouble(asProblem(err))
		return false, nil
	}
	goes, stays := parted(all)
	for _, r := range goes {
		l.say("  goes: %s", joined(r.Name, r.Why))
	}
	for _, k := range stays {
		l.say("  stays: %s", joined(strings.Join(k.names, ", "), k.why))
	}
	answer, err := l.ask("Type "+l.session.Name()+" to remove it, anything else keeps it", "")
	if err != nil || answer != l.session.Name() {
		return false, err
	}
	for {
		l.run = newRun(l.plan, nil, l.now())
		l.run.undo = true
		if l.follow(func(ctx context.Context, _ *gate, emit func(engine.Event)) error {
			return l.session.Destroy(ctx, emit)
		}) == nil {
			l.say("Removed.")
			return true, nil
		}
		if l.stopped {
			return true, errLeave
		}
		l.trouble(l.run.cause())
		if n, err := l.choose([]string{"try again", "leave"}, 0); err != nil || n == 1 {
			return true, errors.Join(err, errLeave)
		}
	}
}

// watch follows what another process does with a setup.
func (l *lines) watch(w Watcher, name string) error {
	s, err := w.Watch(l.ctx, name)
	if err != nil {
		return err
	}
	plan, err := s.Plan(l.ctx)
	if err != nil {
		return err
	}
	l.session, l.watched = s, true
	l.run = newRun(plan, nil, l.now())
	l.say("Watching, read-only. Type q to leave; the other one goes on.")
	err = l.follow(func(ctx context.Context, _ *gate, emit func(engine.Event)) error {
		return s.Run(ctx, plan, RunOptions{}, emit)
	})
	switch {
	case err == nil:
		l.say("The other one has come to its end, and all went well.")
	case l.stopped:
	default:
		l.say("The other one has let go of it.")
	}
	return errLeave
}
