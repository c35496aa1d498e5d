package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// The story of the wizard, in the order in which it is told:
//
//	welcome → project → preflight → region → names → plan → run → proof → summary
//
// Every way from one screen to another is a method here.

// setup is what has been chosen so far and, once opened, the setup at hand.
type setup struct {
	answers state.Answers
	session Session
	opening *opening // the last
	plan    engine.Plan
	run     *run
	stream  *stream
	leaving bool               // quit as soon as the run has stopped
	cut     bool               // it was Ctrl+C that asked to
	again   bool               // run as soon as it has been looked over
	half    bool               // its removal was cut off: that is what is gone on with
	watched *state.LockedError // who works on it, while it is only watched
}

func (a *app) toWelcome() tea.Cmd                    { return a.show(newWelcome(a)) }
func (a *app) toProjects() tea.Cmd                   { return a.show(newProjects(a)) }
func (a *app) toBilling(id string) tea.Cmd           { return a.show(newBilling(a, a.backend.(Biller), id)) }
func (a *app) toRegions() tea.Cmd                    { return a.show(newRegions(a)) }
func (a *app) toRun() tea.Cmd                        { return a.show(newRunView(a)) }
func (a *app) toProof() tea.Cmd                      { return a.show(newProof(a)) }
func (a *app) toSummary() tea.Cmd                    { return a.show(newSummary(a)) }
func (a *app) toDestroy(back func() tea.Cmd) tea.Cmd { return a.show(newDestroy(a, back)) }

// answer is what a command of one visit to a screen found out; it is dropped if
// the person has gone elsewhere meanwhile.
type answer struct {
	visit int
	tea.Msg
}

// do runs f outside the event loop and brings its message to the screen that asked.
func (a *app) do(f func(context.Context) tea.Msg) tea.Cmd {
	visit := a.visit
	return func() tea.Msg { return answer{visit, f(a.ctx)} }
}

// flow handles what belongs to the setup at hand, whichever screen shows it.
func (a *app) flow(msg tea.Msg) (tea.Cmd, bool) {
	switch msg := msg.(type) {
	case answer:
		if msg.visit != a.visit {
			return nil, true
		}
		return a.screen.Update(msg.Msg), true
	case opened:
		return a.planned(msg), true
	case reported:
		return tea.Batch(listen(msg.from), a.take(msg.events)), true
	case ended:
		return a.ran(msg.err), true
	case ticked:
		if a.run == nil || !a.run.active() {
			return nil, true
		}
		return a.later(beat, ticked{}), true
	}
	return nil, false
}

// take notes what a run reported. A step that has come to wait to be read takes no
// key that was pressed for what was there before.
func (a *app) take(events []engine.Event) tea.Cmd {
	before, judging := a.run.next(), a.run.judging()
	for _, ev := range events {
		a.run.apply(ev, a.now())
	}
	if v, on := a.screen.(*runView); on && !judging && a.run.judging() && !v.picked && !v.log && !v.open {
		return a.toProof()
	}
	if next := a.run.next(); next >= 0 && next != before {
		return a.ask()
	}
	return nil
}

// start goes to the first question.
func (a *app) start() tea.Cmd {
	a.answers = state.Defaults()
	return a.toProjects()
}

// resume goes on with a setup on record, once the look at it has ended (nil: there is none).
func (a *app) resume(name string, looked <-chan struct{}) tea.Cmd {
	return a.open(func(ctx context.Context) (Session, error) {
		if looked != nil {
			<-looked
		}
		return a.backend.Open(ctx, name)
	})
}

func (a *app) choseProject(p Project) tea.Cmd {
	a.answers.Project, a.answers.NewProject, a.answers.BillingAccount = p.ID, false, ""
	return a.lookAhead()
}

// newProject has the id and the payer of a project that is still to be made.
func (a *app) newProject(id, billing string) tea.Cmd {
	a.answers.Project, a.answers.NewProject, a.answers.BillingAccount = id, true, billing
	return a.lookAhead()
}

// lookAhead goes from the project to what a setup needs of it.
func (a *app) lookAhead() tea.Cmd {
	if by, ok := a.backend.(Preflighter); ok {
		return a.show(newPreflight(a, by))
	}
	return a.toRegions()
}

func (a *app) choseRegion(r Region) tea.Cmd {
	if a.answers.Region != r.Name {
		a.answers.Region, a.answers.Zone = r.Name, ""
	}
	return a.show(newNames(a))
}

// choseNames has all answers: the setup is made (on record only) and planned. One
// that is open takes them if it is of the same project, and goes on where it failed.
func (a *app) choseNames(answers state.Answers) tea.Cmd {
	a.answers = answers
	s := a.session
	if s == nil || s.Answers().Project != answers.Project {
		return tea.Sequence(a.forget(), a.open(func(ctx context.Context) (Session, error) { return a.backend.Create(ctx, answers) }))
	}
	a.again = a.run != nil
	return a.open(func(ctx context.Context) (Session, error) { return s, s.Change(ctx, answers) })
}

// opened is a setup that was opened and looked over, or why it could not be.
type opened struct {
	visit   int
	session Session // may be there even where err is not nil
	plan    engine.Plan
	err     error
}

// opening is a setup being opened and looked over, until it is called off.
type opening struct {
	cancel  context.CancelFunc
	session Session // what was opened, for who has the turn
}

// open opens a setup and plans it, on the plan's screen.
func (a *app) open(how func(context.Context) (Session, error)) tea.Cmd {
	show := a.show(newPlanView(a))
	m := opened{visit: a.visit}
	ctx, cancel := context.WithCancel(a.ctx)
	o := &opening{cancel: cancel}
	a.opening = o
	return tea.Batch(show, func() tea.Msg {
		a.turn <- struct{}{}
		defer func() { <-a.turn }()
		if ctx.Err() != nil { // called off before it began
			return nil
		}
		if m.session, m.err = how(ctx); m.err == nil {
			m.plan, m.err = m.session.Plan(ctx)
		}
		o.session = m.session
		return m
	})
}

// replan looks the setup at hand over again.
func (a *app) replan() tea.Cmd {
	s := a.session
	return a.open(func(context.Context) (Session, error) { return s, nil })
}

func (a *app) planned(m opened) tea.Cmd {
	if m.visit != a.visit { // called off meanwhile, and let go
		return nil
	}
	if m.session != nil {
		a.session, a.answers = m.session, m.session.Answers()
	}
	if by, yes := a.lockedBy(m.err); yes {
		return tea.Batch(a.show(&locked{a, by}), a.ask())
	}
	if m.err == nil {
		a.plan = m.plan
		if a.watched != nil {
			return a.carryOut(false)
		}
		if a.half {
			return a.goOnRemoving()
		}
		if a.again && len(m.plan.Blocked())+len(m.plan.Drift()) == 0 {
			a.again = false
			return a.carryOut(false)
		}
	}
	a.again = false
	return a.screen.Update(m)
}

// retry looks the setup over again and runs what is left, unless something needs a decision.
func (a *app) retry() tea.Cmd {
	a.again = true
	return a.replan()
}

// letGo calls off what is being opened and lets the setup at hand go, for another one. What it
// answers waits until nobody works on the setup any more: whoever opens it next must find it at rest.
func (a *app) letGo() func() error {
	s, o := a.session, a.opening
	a.setup = setup{answers: a.answers}
	if o != nil {
		o.cancel()
	}
	return func() error {
		a.turn <- struct{}{}
		defer func() { <-a.turn }()
		if o != nil && o.session != nil {
			s = o.session
		}
		if s == nil {
			return nil
		}
		return s.Close()
	}
}

// forget lets the setup at hand go, on a screen.
func (a *app) forget() tea.Cmd {
	closed := a.letGo()
	return func() tea.Msg {
		_ = closed() // a lock that cannot be given back now goes with the process
		return nil
	}
}

// change goes back to the question of that answer ("" is the first), with the
// answers of the setup at hand.
func (a *app) change(path string) tea.Cmd {
	if path == "project" {
		return a.toProjects()
	}
	s := newNames(a)
	s.goTo(path)
	return a.show(s)
}

// unchanged goes back from the questions to what they were asked for.
func (a *app) unchanged() tea.Cmd {
	if a.session == nil || a.run == nil {
		return a.toRegions()
	}
	a.answers = a.session.Answers()
	return a.toRun()
}

// carryOut starts the run of the plan at hand.
func (a *app) carryOut(overwrite bool) tea.Cmd {
	s, plan := a.session, a.plan
	a.run = newRun(plan, a.run, a.now())
	if p, ok := s.(Prover); ok && plan.Clean() { // nothing is deployed anew; what looking at it showed stands
		a.run.verdicts = p.Verdicts()
	}
	a.stream = newStream(a.ctx, s, func(ctx context.Context, g *gate, emit func(engine.Event)) error {
		return s.Run(ctx, plan, RunOptions{Overwrite: overwrite, Before: g.before}, emit)
	})
	a.stream.gate.teach(a.learn)
	return a.watchRun()
}

// destroyIt starts the removal.
func (a *app) destroyIt() tea.Cmd {
	s := a.session
	a.run = newRun(a.plan, nil, a.now())
	a.run.undo = true
	a.stream = newStream(a.ctx, s, func(ctx context.Context, _ *gate, emit func(engine.Event)) error { return s.Destroy(ctx, emit) })
	return a.watchRun()
}

// watchRun shows the run that has been made ready, and starts it.
func (a *app) watchRun() tea.Cmd {
	return tea.Batch(a.toRun(), a.stream.start(), listen(a.stream), a.later(beat, ticked{}))
}

// teach turns learn mode on or off, for the run at hand too.
func (a *app) teach(learn bool) tea.Cmd {
	a.learn = learn
	if a.stream != nil {
		a.stream.gate.teach(learn)
	}
	if !learn && a.run != nil {
		for i := range a.run.steps {
			a.run.steps[i].waiting = false
		}
	}
	return nil
}

// begin lets a step begin that has been read. The next that waits is a new question.
func (a *app) begin(i int) tea.Cmd {
	st := &a.run.steps[i]
	st.waiting = false
	a.stream.gate.pass(st.ID)
	if a.run.next() >= 0 {
		return a.ask()
	}
	return nil
}

// ran is the end of a run: to the proof if it went well, away if that was asked for.
func (a *app) ran(err error) tea.Cmd {
	a.stream = nil
	a.run.end(err, a.now())
	if a.leaving {
		return a.goodbye()
	}
	return tea.Batch(a.ring(), a.after(err))
}

// after is where a run's end leads to.
func (a *app) after(err error) tea.Cmd {
	switch {
	case err == nil && a.run.undo:
		return a.toSummary()
	case err == nil && len(a.run.verdicts) > 0:
		if _, there := a.screen.(*proof); there {
			return a.ask()
		}
		return tea.Batch(a.toProof(), a.ask())
	case err == nil:
		return tea.Batch(a.toSummary(), a.ask())
	}
	return a.ask()
}

// interrupt is what Ctrl+C does, and a signal: to leave, by the exit code that shells know it by.
func (a *app) interrupt() tea.Cmd {
	a.cut = true
	return a.leave()
}

// leave is what q and Ctrl+C do. A run is first asked to stop, then told to.
func (a *app) leave() tea.Cmd {
	switch {
	case a.stream == nil, a.watched != nil:
		return a.goodbye()
	case a.leaving:
		a.say("leaving now; calls in flight are cut off, the setup can still be resumed")
		a.stream.cancel()
		return nil
	}
	a.leaving = true
	return a.stream.stop()
}

// pause lets what runs end and starts nothing new, without leaving.
func (a *app) pause() tea.Cmd {
	a.run.pausing = true
	return a.stream.stop()
}

// goodbye ends the wizard.
func (a *app) goodbye() tea.Cmd {
	a.outcome = a.farewell()
	return tea.Quit
}

// farewell says how things stand, for after the screen is gone.
func (a *app) farewell() Outcome {
	o := Outcome{Interrupted: a.cut}
	if a.session != nil {
		o.Setup = a.session.Name()
	}
	switch {
	case a.run == nil, a.watched != nil:
		return o
	case a.run.err == nil && !a.run.active():
		o.OK, o.Interrupted = true, false
	case a.leaving || errors.Is(a.run.err, engine.ErrStopped) || errors.Is(a.run.err, context.Canceled):
		o.Interrupted = true
		o.Resume = a.session.Resume(a.run.undo)
	default:
		o.Problem, o.Interrupted = a.run.cause(), false
		o.Resume = a.session.Resume(a.run.undo)
	}
	return o
}

// about says which setup is at hand.
func (a *app) about() string {
	if a.answers.Project == "" {
		return ""
	}
	return line(a.answers.Project) + " · " + line(a.answers.Region) + " · " + line(a.answers.Named(a.answers.Cluster))
}

// elapsed is how long the run has been going on, 0 without one.
func (a *app) elapsed() time.Duration {
	if a.run == nil {
		return 0
	}
	return a.run.elapsed(a.now())
}

// asProblem explains an error, and nothing for none.
func asProblem(err error) *problem.Problem { return problem.From(err) }
