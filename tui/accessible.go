package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// The wizard without a screen: the same story, backend and words, as plain lines
// and numbered questions, for screen readers and terminals that cannot draw.
// An empty answer takes the default, q leaves, ctrl+c does as q.

// errLeave is a person who has left; errBack one who wants the question before.
var (
	errLeave = errors.New("left")
	errBack  = errors.New("back")
)

// lines is that wizard.
type lines struct {
	ctx       context.Context
	backend   Backend
	out       io.Writer
	typed     chan string // lines read; closed at the end of the input
	interrupt <-chan struct{}
	now       func() time.Time
	quiet     time.Duration // how long a run may say nothing before we say that it goes on

	world   World
	answers state.Answers
	session Session
	plan    engine.Plan
	run     *run
	stopped bool // asked to leave
	cut     bool // by an interruption
	watched bool // the run is another process's
	learn   bool // stop before each step and explain it
	half    bool // the setup's removal was cut off: that is what is gone on with
}

func runLines(ctx context.Context, b Backend, o Options) (Outcome, error) {
	l := &lines{ctx: ctx, backend: b, out: o.Output, typed: make(chan string), interrupt: o.Interrupt, now: o.Now,
		quiet: 30 * time.Second, world: b.World()}
	done := make(chan struct{})
	defer close(done)
	go l.read(o.Input, done)
	err := l.story()
	for _, end := range []error{errLeave, errBack, errGone, context.Canceled} {
		if errors.Is(err, end) {
			err = nil
		}
	}
	outcome := l.farewell()
	if l.session != nil {
		err = errors.Join(err, l.session.Close())
	}
	return outcome, err
}

// read brings what is typed, line by line, until the input or the wizard ends.
func (l *lines) read(in io.Reader, done <-chan struct{}) {
	defer close(l.typed)
	s := bufio.NewScanner(io.LimitReader(in, 16<<20))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		select {
		case l.typed <- line(s.Text()):
		case <-done:
			return
		}
	}
}

// farewell is how things stand, as the screens' own.
func (l *lines) farewell() Outcome {
	if l.watched {
		return Outcome{Setup: l.session.Name(), Interrupted: l.cut}
	}
	a := &app{setup: setup{session: l.session, run: l.run, leaving: l.stopped, cut: l.cut}}
	return a.farewell()
}

func (l *lines) say(format string, args ...any) { fmt.Fprintf(l.out, format+"\n", args...) }

// ask prints a question and waits for its answer.
func (l *lines) ask(question, standard string) (string, error) {
	if standard != "" {
		question += " [" + standard + "]"
	}
	fmt.Fprint(l.out, question+": ")
	select {
	case answer, open := <-l.typed:
		if !open {
			l.say("")
			return "", errLeave
		}
		switch answer {
		case "":
			return standard, nil
		case "q":
			return "", errLeave
		}
		return answer, nil
	case <-l.interrupt:
		l.cut = true
		l.say("")
		return "", errLeave
	case <-l.ctx.Done():
		return "", l.ctx.Err()
	}
}

// choose asks for one of the numbered options and returns its index.
func (l *lines) choose(options []string, standard int) (int, error) {
	for i, o := range options {
		l.say("  %d. %s", i+1, o)
	}
	for {
		answer, err := l.ask("Number", strconv.Itoa(standard+1))
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(options) {
			return n - 1, nil
		}
		l.say("Type a number from 1 to %d, or q to leave.", len(options))
	}
}

// choice is one of the options of a question, and what it leads to.
type choice struct {
	do   action
	text string
}

// pickOne asks for one of the choices; the first is the usual one.
func (l *lines) pickOne(all []choice) (action, error) {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.text
	}
	n, err := l.choose(texts, 0)
	if err != nil {
		return "", err
	}
	return all[n].do, nil
}

// trouble says a problem.
func (l *lines) trouble(p *problem.Problem) {
	l.say("Problem: %s", line(p.What))
	for _, part := range [][2]string{{"Why", p.Why}, {"What to try", p.Fix}, {"The service's own words", p.Words}, {"Problem id", p.ID}} {
		if part[1] != "" && part[1] != p.What {
			l.say("%s: %s", part[0], clean(part[1]))
		}
	}
}

// retry says a problem and asks whether to try again.
func (l *lines) retry(err error) error {
	l.trouble(asProblem(err))
	n, err := l.choose([]string{"try again", "leave"}, 0)
	if err == nil && n == 1 {
		err = errLeave
	}
	return err
}

// story is the wizard from the first line to the last.
func (l *lines) story() error {
	l.say("signgate: from a Google Cloud project to a cluster that runs only images signed with your key.")
	l.say("World: %s.", map[bool]string{true: "sandbox, a Google Cloud on this machine, which costs nothing",
		false: "Google Cloud, real resources, billed to your project"}[l.world.Sandbox])
	l.say("An empty answer takes what stands in brackets. q leaves.")
	setups, err := l.connect()
	if err != nil {
		return err
	}
	l.say("Signed in as %s. Setups are recorded in %s.", line(l.world.Account), line(l.world.State))
	for {
		if err := l.pick(setups); err != nil {
			return err
		}
		err := l.carry()
		if !errors.Is(err, errBack) {
			return err
		}
		if l.session != nil { // with other answers
			err = l.session.Close()
			l.session, l.run, setups = nil, nil, nil
		}
		if err != nil && !errors.Is(err, errBack) {
			return err
		}
	}
}

func (l *lines) connect() ([]state.Listed, error) {
	for {
		world, err := l.backend.Connect(l.ctx, func(text string) { l.say("%s …", line(text)) })
		var setups []state.Listed
		if err == nil {
			l.world = world
			setups, err = l.backend.Setups(l.ctx)
		}
		if err == nil {
			return sorted(setups), nil
		}
		if err := l.retry(err); err != nil {
			return nil, err
		}
	}
}

// pick ends with a session: one to go on with, or a new one with its answers.
func (l *lines) pick(setups []state.Listed) error {
	var options []string
	half := halves(l.backend, setups)
	l.half = false
	for _, s := range setups {
		how := "look at " + line(s.Name) + ", finished"
		switch {
		case s.Err != nil:
			how = line(s.Name) + ", cannot be read: " + line(asProblem(s.Err).What)
		case half[s.Name]:
			how = "go on removing " + line(s.Name) + ", removal unfinished"
		case s.Record.Finished.IsZero():
			how = "go on with " + line(s.Name) + ", unfinished"
		}
		options = append(options, how)
	}
	if len(options) > 0 {
		l.standings(setups)
		l.say("What would you like to do?")
		n, err := l.choose(append(options, "a new setup"), 0)
		if err != nil {
			return err
		}
		if n < len(setups) {
			l.half = half[setups[n].Name]
			return l.open(setups, setups[n].Name)
		}
	}
	if l.answers.Region == "" {
		l.answers = state.Defaults()
	}
	if err := l.project(); err != nil {
		return err
	}
	if err := l.checks(); err != nil {
		return err
	}
	if err := l.region(); err != nil {
		return err
	}
	return l.names()
}

// open goes on with a setup on record. One that another process works on can be watched.
func (l *lines) open(setups []state.Listed, name string) error {
	s, err := l.backend.Open(l.ctx, name)
	if err == nil {
		l.session = s
		return nil
	}
	l.trouble(asProblem(err))
	var by *state.LockedError
	if w, ok := l.backend.(Watcher); ok && errors.As(err, &by) {
		do, err := l.pickOne([]choice{{doAccept, "watch it, read-only"}, {doRetry, "try again"}, {doBack, "back to the start"}})
		switch {
		case err != nil:
			return err
		case do == doAccept:
			return l.watch(w, name)
		case do == doRetry:
			return l.open(setups, name)
		}
	}
	return l.pick(setups)
}
