package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// carry takes the setup at hand from its plan to the end. errBack asks for other answers.
func (l *lines) carry() error {
	overwrite := false
	for {
		l.say("Looking at what is there. This changes nothing.")
		plan, err := l.session.Plan(l.ctx)
		if err != nil {
			if err := l.retry(err); err != nil {
				return err
			}
			continue
		}
		overwrite, err = l.confirm(plan)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return err
		}
		l.run = newRun(plan, l.run, l.now())
		err = l.follow(func(ctx context.Context, emit func(engine.Event)) error {
			return l.session.Run(ctx, plan, overwrite, emit)
		})
		if err == nil {
			return l.done()
		}
		if err := l.afterFailure(); err != nil && !errors.Is(err, errAgain) {
			return err
		}
	}
}

// errAgain asks to look the setup over again.
var errAgain = errors.New("again")

// confirm reads the plan out and asks whether to carry it out.
func (l *lines) confirm(plan engine.Plan) (overwrite bool, err error) {
	l.say("The plan:")
	t := newTheme()
	for _, p := range plan.Steps {
		l.say("  %s: %s. %s", line(p.Title), t.action(p.Change.Action).Word, line(p.Change.Summary))
	}
	options := []string{"make it so", "change answers", "leave"}
	switch blocked, drift := plan.Blocked(), plan.Drift(); {
	case len(blocked) > 0:
		for _, p := range blocked {
			l.trouble(p)
		}
		options[0] = "look again"
	case plan.Clean():
		l.say("No changes: everything is as wanted.")
		options[0] = "check it with the proof"
	case len(drift) > 0:
		for _, p := range drift {
			l.say("Changed by hand: %s: is %s, wanted %s.", line(p.Title), line(strings.Join(p.Change.Before, ", ")), line(strings.Join(p.Change.After, ", ")))
		}
		options[0] = "go on, and keep the changes made by hand"
		options = append(options, "overwrite the changes made by hand")
	}
	if c, ok := l.backend.Cost(l.session.Answers()); ok && !l.world.Sandbox {
		l.say("It costs about $%.2f an hour while it exists.", c.Hourly)
	}
	n, err := l.choose(options, 0)
	switch {
	case err != nil:
		return false, err
	case n == 1:
		l.answers = l.session.Answers()
		return false, errBack
	case n == 2:
		return false, errLeave
	case len(plan.Blocked()) > 0:
		return false, errAgain
	}
	return n == 3, nil
}

// follow reads a run out as it happens. q, or an interruption, asks it to stop; a
// second one does not wait for it.
func (l *lines) follow(work func(context.Context, func(engine.Event)) error) error {
	l.say("Running. Type q to stop; it can be resumed.")
	s := newStream(l.ctx, l.session, work)
	go s.start()()
	silence := time.NewTicker(l.quiet)
	defer silence.Stop()
	typed := l.typed
	for {
		select {
		case ev, open := <-s.events:
			if !open {
				l.run.end(s.err, l.now())
				return l.run.err
			}
			l.run.apply(ev, l.now())
			if text := l.spoken(ev); text != "" {
				l.say("%s", text)
				silence.Reset(l.quiet)
			}
		case answer, open := <-typed:
			if !open {
				typed = nil // nobody is there to answer; the run goes on to its end
			}
			if answer == "q" {
				l.stopRun(s)
			}
		case <-l.interrupt:
			l.stopRun(s)
		case <-silence.C:
			l.say("Still working: %s.", l.busy())
		}
	}
}

func (l *lines) stopRun(s *stream) {
	if l.stopped {
		l.say("Leaving now; the setup can still be resumed.")
		s.cancel()
		return
	}
	l.stopped = true
	l.say("Stopping: nothing new starts; waiting for what runs to end. q again leaves at once.")
	go s.stop()()
}

// busy says which steps run.
func (l *lines) busy() string {
	var all []string
	for i := range l.run.steps {
		if st := &l.run.steps[i]; st.status == engine.Started {
			all = append(all, line(st.Title))
		}
	}
	if len(all) == 0 {
		return "waiting"
	}
	return strings.Join(all, ", ") + ", " + clock(l.run.elapsed(l.now())) + " so far"
}

// spoken is an event as a line; "" for one that says nothing new.
func (l *lines) spoken(ev engine.Event) string {
	title := ev.Step
	if st := l.run.step(ev.Step); st != nil {
		title = line(st.Title)
	}
	switch ev.Type {
	case engine.TypeStep:
		text := title + ": " + newTheme().phase(ev.Status).Word
		if ev.Status != engine.Started && ev.Text != "" && line(ev.Text) != title {
			text += ", " + line(ev.Text)
		}
		if ev.Problem != nil {
			text += ", " + line(ev.Problem.What)
		}
		if ev.Seconds > 0 {
			text += " (" + seconds(ev.Seconds) + ")"
		}
		return text
	case engine.TypeVerdict:
		v := *ev.Verdict
		return fmt.Sprintf("Verdict on %s (%s): %s, because: %s. The cluster said: %s", caseTitle(v.Case), imageName(v.Image),
			newTheme().verdict(v).Word, line(v.Reason), words(v.Message))
	case engine.TypeNotice:
		return title + ": " + line(ev.Text)
	}
	return ""
}

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
	n, err := l.choose([]string{"try again", "change answers", "leave"}, 0)
	switch {
	case err != nil:
		return err
	case n == 1:
		l.answers = l.session.Answers()
		return errBack
	case n == 2:
		return errLeave
	}
	return errAgain
}

// done says what there is now, and what one can do with it.
func (l *lines) done() error {
	l.say("Done in %s.", clock(l.run.elapsed(l.now())))
	for _, v := range l.run.verdicts {
		l.say("  %s: %s. %s", caseTitle(v.Case), newTheme().verdict(v).Word, meaning(v))
	}
	for _, e := range l.session.Entries() {
		if how, ok := map[state.Phase]string{state.Made: "made", state.Found: "was there before"}[e.Phase]; ok {
			l.say("  %s: %s %s", how, line(e.Name), line(l.session.Link(e)))
		}
	}
	for {
		options := []string{"finish", "destroy it again"}
		trier, ok := l.session.(Trier)
		if ok {
			options = append(options, "ask the cluster about an image")
		}
		n, err := l.choose(options, 0)
		switch {
		case err != nil:
			return err
		case n == 0:
			return nil
		case n == 1:
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
	l.say("%s would be %s, because: %s. The cluster said: %s", imageName(v.Image), line(v.Actual), line(v.Reason), words(v.Message))
	return nil
}

// destroy says what goes and what stays and takes the typed name as the confirmation.
func (l *lines) destroy() (gone bool, err error) {
	all, err := l.session.Removals(l.ctx)
	if err != nil {
		l.trouble(asProblem(err))
		return false, nil
	}
	for _, r := range all {
		l.say("  %s: %s. %s", map[bool]string{true: "stays", false: "goes"}[r.Keep], line(r.Name), line(r.Why))
	}
	answer, err := l.ask("Type "+l.session.Name()+" to remove it, anything else keeps it", "")
	if err != nil || answer != l.session.Name() {
		return false, err
	}
	l.run = newRun(engine.Plan{Steps: planned(l.run)}, nil, l.now())
	l.run.undo = true
	if err := l.follow(l.session.Destroy); err != nil {
		l.trouble(l.run.cause())
		return true, nil
	}
	l.say("Removed.")
	return true, nil
}

// planned gives a run's steps back as a plan.
func planned(r *run) []engine.Planned {
	var all []engine.Planned
	for _, s := range r.steps {
		all = append(all, engine.Planned{Info: s.Info, Change: s.planned})
	}
	return all
}
