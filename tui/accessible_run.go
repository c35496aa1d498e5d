package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
)

// carry takes the setup at hand from its plan to the end. errBack asks for other answers.
func (l *lines) carry() error {
	for {
		l.say("Looking at what is there. This changes nothing.")
		plan, err := l.session.Plan(l.ctx)
		if err != nil {
			if err := l.retry(err); err != nil {
				return err
			}
			continue
		}
		l.plan = plan
		if l.half {
			l.half = false
			l.say("The removal of %s was begun and did not end.", line(l.session.Name()))
			if gone, err := l.destroy(); gone || err != nil {
				return errors.Join(err, errGone)
			}
			l.say("Making it again is the other way.")
		}
		overwrite, err := l.confirm(plan)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return err
		}
		l.run = newRun(plan, l.run, l.now())
		err = l.follow(func(ctx context.Context, g *gate, emit func(engine.Event)) error {
			return l.session.Run(ctx, plan, RunOptions{Overwrite: overwrite, Before: g.before}, emit)
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
	l.readPlan(plan)
	for {
		do, err := l.pickOne(l.planChoices(plan))
		if err != nil {
			return false, err
		}
		switch do {
		case doAccept:
			l.learn = false
			return false, nil
		case doMode:
			l.learn = true
			return false, nil
		case doOver:
			return true, nil
		case doRetry:
			return false, errAgain
		case doCommands:
			l.readCommands(plan)
		case doMore:
			l.readLessons(plan)
		case doChange:
			l.answers = l.session.Answers()
			return false, errBack
		case doDestroy:
			if gone, err := l.destroy(); gone || err != nil {
				return false, errors.Join(err, errGone)
			}
		default:
			return false, errLeave
		}
	}
}

// readPlan says what each step would do, and what stands in the way.
func (l *lines) readPlan(plan engine.Plan) {
	l.say("The plan:")
	t := newTheme()
	for _, p := range plan.Steps {
		l.say("  %s: %s. %s", line(p.Title), t.action(p.Change.Action).Word, line(p.Change.Summary))
	}
	for _, p := range plan.Blocked() {
		l.trouble(p)
	}
	if plan.Clean() {
		l.say("No changes: everything is as wanted.")
	}
	for _, p := range plan.Drift() {
		l.say("Changed by hand: %s: is %s, wanted %s.", line(p.Title), line(strings.Join(p.Change.Before, ", ")), line(strings.Join(p.Change.After, ", ")))
	}
	for _, p := range plan.Warnings {
		l.say("Warning.")
		l.trouble(p)
	}
	if f := plan.Forecast; f != nil && f.Seconds > 0 {
		l.say("It will take about %s.", roughly(time.Duration(f.Seconds*float64(time.Second))))
	}
	l.answers = l.session.Answers()
	l.price()
}

// planChoices are what can be done about a plan, the usual first.
func (l *lines) planChoices(plan engine.Plan) []choice {
	first := []choice{{doAccept, "make it so"}}
	switch {
	case len(plan.Blocked()) > 0:
		first = []choice{{doRetry, "look again"}}
	case plan.Clean():
		first = []choice{{doAccept, "check it with the proof"}}
	case len(plan.Drift()) > 0:
		first = []choice{{doAccept, "go on, and keep the changes made by hand"}, {doOver, "overwrite the changes made by hand"}}
	}
	if first[0].do == doAccept && !plan.Clean() {
		first = append(first, choice{doMode, "make it so, and wait before each step until I have read what it is for"})
	}
	all := append(first, choice{doChange, "change answers"}, choice{doBack, "leave"},
		choice{doCommands, "hear what one would type instead"}, choice{doMore, "hear what each step is for"})
	if len(l.session.Entries()) > 0 {
		all = append(all, choice{doDestroy, "destroy what this setup made"})
	}
	return all
}

// readCommands says what a person would type instead of each step.
func (l *lines) readCommands(plan engine.Plan) {
	for _, p := range plan.Steps {
		l.say("%s:", line(p.Title))
		for _, c := range l.session.Commands(p.ID) {
			l.say("  %s", line(c))
		}
	}
}

// readLessons says what each step is for.
func (l *lines) readLessons(plan engine.Plan) {
	for _, p := range plan.Steps {
		l.say("%s.", line(p.Title))
		l.readLesson(p.ID)
	}
}

func (l *lines) readLesson(step string) {
	for _, text := range renderMarkdown(theme{}, assets.Lesson(step), 1000) {
		if text != "" {
			l.say("  %s", text)
		}
	}
}

// follow reads a run out as it happens. q, or an interruption, asks it to stop; a
// second one does not wait for it. Where steps wait to be read, an empty line lets
// the first of them begin.
func (l *lines) follow(w work) error {
	l.say("Running. Type q to stop; it can be resumed.")
	s := newStream(l.ctx, l.session, w)
	s.gate.teach(l.learn)
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
			waited := l.run.next()
			l.run.apply(ev, l.now())
			if waited < 0 && l.run.next() >= 0 {
				l.askToBegin()
			}
			if text := l.spoken(ev); text != "" {
				l.say("%s", text)
				silence.Reset(l.quiet)
			}
		case answer, open := <-typed:
			if !open {
				typed = nil // nobody is there to answer; the run goes on to its end
			}
			switch {
			case answer == "q":
				l.stopRun(s)
			case open && l.run.next() >= 0:
				l.begin(s)
			}
		case <-l.interrupt:
			l.cut = true
			l.stopRun(s)
		case <-silence.C:
			if next := l.run.next(); next >= 0 && l.run.count(engine.Started) == 0 {
				l.say("%s waits for you: an empty line begins it.", line(l.run.steps[next].Title))
				continue
			}
			l.say("Still working: %s.", l.busy())
		}
	}
}

// askToBegin reads what the step is for that waits.
func (l *lines) askToBegin() {
	st := &l.run.steps[l.run.next()]
	l.say("Next: %s.", line(st.Title))
	l.readLesson(st.ID)
	l.say("An empty line begins it.")
}

// begin lets the step begin that waits, and goes on to the next that does.
func (l *lines) begin(s *stream) {
	st := &l.run.steps[l.run.next()]
	st.waiting = false
	s.gate.pass(st.ID)
	if l.run.next() >= 0 {
		l.askToBegin()
	}
}

func (l *lines) stopRun(s *stream) {
	switch {
	case l.watched:
		l.stopped = true
		s.cancel()
	case l.stopped:
		l.say("Leaving now; the setup can still be resumed.")
		s.cancel()
	default:
		l.stopped = true
		l.say("Stopping: nothing new starts; waiting for what runs to end. q again leaves at once.")
		go s.stop()()
	}
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
		text := joined(title, line(ev.Text)) // some are about the whole, which has no title
		if ev.Warning {
			return "Warning. " + text
		}
		return text
	case engine.TypePlan:
		return "A new run begins."
	}
	return ""
}
