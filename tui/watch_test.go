package tui

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// watchedBackend has a setup that another process works on.
type watchedBackend struct {
	*fakeBackend
	watches int
}

func (b *watchedBackend) Watch(context.Context, string) (Session, error) {
	b.watches++
	return b.session, nil
}

// Open finds the setup locked until it was watched.
func (b *watchedBackend) Open(_ context.Context, name string) (Session, error) {
	if b.watches == 0 {
		return nil, &state.LockedError{Name: name, PID: 4711}
	}
	return b.session, nil
}

func watchedSetup() *watchedBackend {
	b := &watchedBackend{fakeBackend: newFake()}
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	plan := planOf(engine.Create)
	b.session.events = append([]engine.Event{{Type: engine.TypePlan, Plan: &plan, Time: noon()}}, script()...)
	b.session.hold = make(chan struct{})
	return b
}

func TestSecondWizardWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := watchedSetup()
		d := driveOn(t, b, b.fakeBackend, 120, 40)
		d.press("enter")
		d.shows("4711", "watch it, read-only")
		d.press("enter")
		d.shows("has just opened")
		d.wait()
		d.press("enter")
		d.shows("watching process 4711", "Signing key", "deploying", "6 grants")
		for _, k := range []string{"p", "D", "c"} { // nothing that changes anything
			d.press(k)
		}
		if b.session.stopped > 0 || len(b.created) > 0 {
			t.Fatal("the watcher has reached into the run")
		}
		d.press("q")
		if o := d.a.outcome; o.Interrupted || o.Resume != "" {
			t.Errorf("leaving a watched run counts as leaving the run: %+v", o)
		}
	})
}

func TestWatchedRunThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := watchedSetup()
		b.session.events, b.session.hold = append(b.session.events, rest()...), nil
		d := driveOn(t, b, b.fakeBackend, 120, 40)
		d.press("enter")
		d.wait()
		d.press("enter")
		d.shows("The proof", "watching process 4711")
	})
}

func TestWatchedRunIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := watchedSetup()
		b.session.hold = nil
		b.session.runErr = []error{engine.ErrStopped, nil}
		d := driveOn(t, b, b.fakeBackend, 120, 40)
		d.press("enter")
		d.wait()
		d.press("enter")
		d.shows("has let go of it")
		d.wait()
		d.press("r") // opens it, for real
		d.shows("The plan")
		if d.a.watched != nil {
			t.Error("it is still only watched")
		}
	})
}

// TestWatchedRemovalIsLetGo: opened after it was watched, it is still a removal.
func TestWatchedRemovalIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := watchedSetup()
		b.session.hold, b.session.events[0].Text = nil, "destroy"
		b.session.runErr = []error{engine.ErrStopped, nil}
		d := driveOn(t, b, b.fakeBackend, 120, 40)
		d.press("enter")
		d.wait()
		d.press("enter")
		d.wait()
		d.press("r")
		d.shows("Destroy acme-demo  its removal was begun and did not end")
	})
}

func TestWatchedRunBeginsAnew(t *testing.T) {
	r := newRun(planOf(engine.Create), nil, noon())
	for _, ev := range failure() {
		r.apply(ev, noon())
	}
	again := planOf(engine.None)
	again.Steps = again.Steps[:3]
	r.apply(engine.Event{Type: engine.TypePlan, Plan: &again, Text: "destroy", Time: noon()}, noon())
	if len(r.steps) != 3 || r.count(engine.Failed) != 0 || !r.undo || !r.active() {
		t.Errorf("after a new plan: %+v", r)
	}
}
