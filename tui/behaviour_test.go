package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

func TestEnterThroughInUnderTenKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		for presses := 1; presses < 10; presses++ {
			d.wait()
			d.press("enter")
			if d.a.outcome.OK {
				if got := d.b.created[0]; got.Project != "acme-demo" || got.Cluster != "cosign-test-cluster" {
					t.Errorf("created with %+v", got)
				}
				return
			}
		}
		t.Fatalf("not through after nine key presses:\n%s", d.text())
	})
}

func TestTypedAheadDoesNotConfirmThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter", "enter", "enter", "enter", "enter")
		if d.b.session.runs != 0 {
			t.Fatal("a key pressed before the plan was on screen has started the run")
		}
		d.shows("The plan", "has just opened")
		d.wait()
		d.press("enter")
		if d.b.session.runs != 1 {
			t.Fatal("the plan cannot be confirmed")
		}
	})
}

func TestNamesSayTheRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter")
		d.a.screen.(*names).goTo("cluster")
		d.typed("_X")
		d.shows("✗ Cluster must be 3 to 27 lower-case letters")
		d.press("enter")
		d.shows("Names and size")
		if len(d.b.created) > 0 {
			t.Fatal("an answer that cannot be was accepted")
		}
		d.press("backspace", "backspace", "enter")
		if len(d.b.created) != 1 {
			t.Fatalf("a good answer was not accepted:\n%s", d.text())
		}
	})
}

// TestNamesKeepWhatIsNoNumber: what cannot be stays to be corrected, as it was typed.
func TestNamesKeepWhatIsNoNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter")
		d.a.screen.(*names).goTo("diskGB")
		d.typed("eu")
		d.press("down")
		d.shows("Disk (GB)      30eu  ✗")
		d.press("up", "backspace", "backspace")
		d.press("down")
		d.shows("Disk (GB)      30\n")
		d.press("up", "backspace", "backspace", "down")
		d.shows("Disk (GB)        ✗")
		d.a.screen.(*names).goTo("shape")
		d.press("right", "left") // a shape brings its size
		d.a.screen.(*names).goTo("zone")
		d.shows("Disk (GB)      30\n")
	})
}

// TestNamesShowThatThereAreMore: what lies below the edge has a sign, and where one is is never behind it.
func TestNamesShowThatThereAreMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range [][2]int{{80, 24}, {40, 12}, {60, 15}} {
			d := drive(t, newFake(), size[0], size[1])
			d.press("enter", "enter", "enter")
			all := fields()
			for i, f := range all {
				d.shows("▸ " + f.label)
				if i == 1 {
					d.shows("↓ more")
				}
				if i < len(all)-1 {
					d.press("down")
				}
			}
			if strings.Contains(d.text(), "↓ more") {
				t.Errorf("%v: more than all:\n%s", size, d.text())
			}
			for range all {
				d.press("up")
			}
			d.shows("● zonal, one machine")
		}
	})
}

func TestNamesChoiceSetsTheSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter", "right", "right", "enter")
		if got := d.b.created[0]; got.Shape != state.Guide || got.Nodes != 3 || got.DiskGB != 100 {
			t.Errorf("the guide's shape gave %+v", got)
		}
	})
}

func TestFailureThenRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events = failure()
		b.session.runErr = []error{errors.New("cluster failed"), nil}
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter")
		d.shows("✗ Cluster", "failed", "why   the cluster asks for 900 GB", "try   choose the zonal shape", "skipped")
		d.press("o")
		d.shows("words Insufficient")
		b.session.events = rest()
		d.wait()
		d.press("r")
		if b.session.runs != 2 {
			t.Fatalf("%d runs", b.session.runs)
		}
		d.shows("The proof")
		if st := d.a.run.step("apis"); st.status != engine.Done || st.took != 2.1 {
			t.Errorf("what the first attempt did is forgotten: %+v", st)
		}
		d.wait()
		d.press("enter")
		d.wait()
		d.press("enter")
		if !d.a.outcome.OK {
			t.Errorf("outcome %+v", d.a.outcome)
		}
	})
}

func TestRetryWaitsForOtherSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.hold = make(chan struct{})
		b.session.events = failure()[:len(failure())-1]
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter", "r")
		d.shows("r: other steps are still running")
		if b.session.runs != 1 {
			t.Error("a second run was started beside the first")
		}
	})
}

func TestQuitIsSoftThenHard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events, b.session.hold = script(), make(chan struct{})
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter", "q")
		if b.session.stopped != 1 {
			t.Fatalf("the run was asked to stop %d times", b.session.stopped)
		}
		d.send(listen(d.a.stream)()) // the run's end
		want := Outcome{Interrupted: true, Setup: "acme-demo", Resume: "signgate --sandbox --setup acme-demo"}
		if d.a.outcome != want {
			t.Errorf("outcome %+v", d.a.outcome)
		}
		if text := d.a.outcome.Farewell(); !strings.Contains(text, "signgate --sandbox --setup acme-demo") {
			t.Errorf("farewell %q", text)
		}
	})
}

func TestSecondQuitCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events, b.session.hold = script(), make(chan struct{})
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter")
		b.session.mu.Lock()
		b.session.stop = nil // a run that does not hear the first
		b.session.mu.Unlock()
		d.press("ctrl+c")
		d.shows("stopping", "waiting for 1 step")
		d.press("ctrl+c")
		if d.a.stream.ctx.Err() == nil {
			t.Fatal("the run was not cut off")
		}
	})
}

func TestPauseAndGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events, b.session.hold = script(), make(chan struct{})
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter", "p")
		d.send(listen(d.a.stream)())
		d.shows("paused", "signgate --sandbox --setup acme-demo")
		d.wait()
		d.press("r")
		if b.session.runs != 2 {
			t.Fatalf("%d runs", b.session.runs)
		}
	})
}

func TestOffersToResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.setups = []state.Listed{
			{Name: "broken", Err: errors.New("unexpected end of JSON input")},
			{Name: "acme-demo", Record: state.Record{Answers: b.session.answers, Created: noon()}},
			{Name: "old", Record: state.Record{Answers: b.session.answers, Finished: noon()}},
		}
		d := drive(t, b, 80, 24)
		d.shows("▸ go on with acme-demo", "a new setup", "look at old", "✗")
		d.press("enter")
		d.shows("The plan  it goes on from what was made before")
		if len(b.created) > 0 {
			t.Error("resuming made a new setup")
		}
		if b.session.closed > 0 {
			t.Error("the setup was let go")
		}
		d.press("esc")
		if b.session.closed != 1 {
			t.Error("the setup was not let go on leaving it")
		}
	})
}

// TestGoesOnRemoving: what was cut off while it was being removed is not made again by an enter.
func TestGoesOnRemoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.setups, b.removing = setups(b), "acme-demo"
		d := drive(t, b, 80, 24)
		d.shows("▸ go on removing acme-demo  removal unfinished")
		d.press("enter")
		d.shows("Destroy acme-demo  its removal was begun and did not end", "- remove cluster")
		d.press("esc") // the other way
		d.shows("The plan", "make it so")
		d.press("esc", "enter")
		d.shows("Destroy acme-demo")
		d.typed("acme-demo")
		d.press("enter")
		d.shows("Removed")
		if b.session.runs > 0 {
			t.Error("it was made again")
		}
	})
}

// Whoever goes back from the questions to the welcome screen has let the setup go: it can be gone on
// with there, and a new one is a new one.
func TestLeavingTheQuestionsLetsTheSetupGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.shows("The plan")
		d.press("c", "esc", "esc", "esc")
		d.shows("a new setup")
		if b.session.closed != 1 || d.a.session != nil {
			t.Fatalf("the setup was let go %d times; one is at hand: %t", b.session.closed, d.a.session != nil)
		}
		d.press("enter", "enter", "enter", "enter")
		d.shows("The plan")
		if len(b.created) != 2 {
			t.Errorf("%d setups made", len(b.created))
		}
	})
}

// A look that is left is called off, and the setup let go.
func TestLeavingALookEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.setups = setups(b)
		b.session.looking = func(ctx context.Context) error { // at somebody who is silent
			<-ctx.Done()
			return ctx.Err()
		}
		d := drive(t, b, 80, 24)
		d.press("enter")
		d.shows("looking at what is there")
		d.press("esc")
		d.settle()
		d.shows("go on with acme-demo")
		if b.session.closed != 1 {
			t.Fatalf("the setup was let go %d times", b.session.closed)
		}
		b.session.looking = nil
		d.press("enter")
		d.shows("The plan")
		if b.session.closed != 1 {
			t.Error("what was opened again was let go")
		}
	})
}

// What takes back what was begun keeps its setup until it has ended.
func TestLeavingAChangeWaitsForItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		undone := make(chan struct{})
		b.session.changes = func(ctx context.Context) error {
			<-ctx.Done()
			<-undone // a call in flight
			return ctx.Err()
		}
		d.press("c", "enter")
		d.shows("looking at what is there")
		d.press("esc")
		d.settle()
		if b.session.closed > 0 {
			t.Fatal("the setup was let go while it was worked on")
		}
		close(undone)
		d.settle()
		if b.session.closed != 1 {
			t.Errorf("the setup was let go %d times", b.session.closed)
		}
	})
}

func TestLockedSetupIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.setups = []state.Listed{{Name: "other"}}
		d := drive(t, b, 80, 24)
		d.press("enter", "o")
		d.shows("4711")
		d.press("esc")
		d.shows("a new setup")
	})
}

func TestConnectFailureAndRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.connect = &problem.Problem{ID: "credentials-missing", What: "no Google credentials were found", Fix: "gcloud auth application-default login"}
		d := drive(t, b, 80, 24)
		d.shows("no Google credentials were found", "gcloud auth application-default login")
		b.connect = nil
		d.press("r")
		d.shows("a new setup", "owner@acme.example")
	})
}

// TestALongLookSaysWhatItWaitsFor: and not before it is long, nor once it has ended.
func TestALongLookSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["failure"](t, 80, 24)
		d.wait()
		var wait time.Duration
		var late tea.Msg
		d.a.later = func(after time.Duration, msg tea.Msg) tea.Cmd {
			wait, late = after, msg
			return nil
		}
		_, _ = d.a.Update(keyNamed("r")) // the look does not end
		d.shows("looking at what is there")
		if strings.Contains(d.text(), "waiting") || wait < 5*time.Second {
			t.Fatalf("it is late at once, or after %v:\n%s", wait, d.text())
		}
		d.send(late)
		d.shows("Still waiting for an answer of the sandbox", "esc back")
		d.press("esc")
		d.send(late)
		d.shows("a new setup")
	})
}

func TestBlockedPlanCannotBeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		p := &problem.Problem{ID: "permission-denied", What: "you may not create key rings", Fix: "ask for roles/cloudkms.admin"}
		b.session.plan.Steps[2].Change = engine.Change{Action: engine.Blocked, Problem: p}
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.shows("you may not create key rings", "ask for roles/cloudkms.admin", "1 blocked")
		d.press("enter")
		d.shows("a step is blocked")
		if b.session.runs > 0 {
			t.Error("a blocked plan was run")
		}
	})
}

func TestProjectsByPageFilterAndID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.projects = nil
		for i := range 5000 {
			b.projects = append(b.projects, Project{ID: fmt.Sprintf("acme-%04d", i), Name: fmt.Sprintf("Project %d", i)})
		}
		b.pageSize, b.failPage = 200, "200"
		d := drive(t, b, 80, 24)
		d.press("enter")
		if s := d.a.screen.(*projects); len(s.list.all) != 200 {
			t.Fatalf("%d projects loaded at first", len(s.list.all))
		}
		for range 20 {
			d.press("pgdown")
		}
		d.shows("Google did not answer", "ctrl+r try again")
		d.send(tea.KeyPressMsg{Code: 'r', Mod: tea.ModCtrl})
		if s := d.a.screen.(*projects); len(s.list.all) != 400 {
			t.Fatalf("%d projects after the failed page was asked for again", len(s.list.all))
		}
		d.typed("4999") // not loaded yet: found by asking
		d.shows("acme-4999")
		for range 4 {
			d.press("backspace")
		}
		d.typed("acme-hidden")
		d.shows("look up the id acme-hidden")
		d.press("enter")
		d.shows("Which region?", "acme-hidden")
		d.press("esc")
		d.typed("nobodys-project")
		d.press("enter")
		d.shows("there is no project nobodys-project", "ctrl+o  the service's own words")
	})
}

func TestNoProjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.projects = nil
		d := drive(t, b, 80, 24)
		d.press("enter")
		d.shows("This account sees no project", "or make one with: gcloud")
		d.press("enter") // nothing to choose
		d.shows("no project to choose")
	})
}

func TestHostileNamesAreHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.projects = []Project{{ID: "acme-evil", Name: "pay\u202egnp.exe\x1b]0;owned\x07\x1b[2J\u200b\r\nX"}}
		d := drive(t, b, 80, 24)
		d.press("enter")
		raw := d.a.View().Content
		for _, bad := range []string{"\u202e", "\x1b]", "\x1b[2J", "\u200b", "\r", "\x07"} {
			if strings.Contains(raw, bad) {
				t.Errorf("the frame holds %q", bad)
			}
		}
		d.shows("acme-evil", "paygnp.exe X")
	})
}

func TestPastedGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		garbage := strings.Repeat("\x1b[31m\u202eé世\x00\n", 10_000)
		d := drive(t, newFake(), 80, 24)
		d.press("enter")
		d.send(tea.PasteMsg{Content: garbage})
		fits(t, d)
		d = drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter")
		d.a.screen.(*names).goTo("cluster")
		d.send(tea.PasteMsg{Content: garbage})
		fits(t, d)
		d.press("enter")
		if len(d.b.created) > 0 {
			t.Error("garbage was accepted as a name")
		}
	})
}

func TestDestroyNeedsTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := proven("enter", "D")(t, 80, 24)
		d.shows("Destroy acme-demo", "- remove cluster", "= keep   key ring")
		d.press("enter")
		d.shows("type the setup's name")
		d.typed("acme-demo")
		d.press("enter")
		d.shows("Removed")
	})
}

// TestWarningsStay: an event says itself that it must be seen, whatever its words and its step.
func TestWarningsStay(t *testing.T) {
	r := newRun(planOf(engine.Create), nil, noon())
	for _, ev := range []engine.Event{
		{Type: engine.TypeNotice, Step: "enforcement", Text: "nginx would be refused"},
		{Type: engine.TypeNotice, Step: "enforcement", Text: "the till stops", Warning: true},
		{Type: engine.TypeNotice, Text: "so does the shop", Warning: true},
		{Type: engine.TypeNotice, Step: "enforcement", Text: "the till stops", Warning: true},
	} {
		r.apply(ev, noon())
	}
	again := newRun(planOf(engine.Create), r, noon())
	if want := []string{"the till stops", "so does the shop"}; !slices.Equal(again.warnings, want) {
		t.Errorf("warned of %q, want %q", again.warnings, want)
	}
}

// TestWhatWasSaidKeepsItsSense: however little room there is, what the cluster said last is there whole.
func TestWhatWasSaidKeepsItsSense(t *testing.T) {
	const image = "northamerica-northeast1-docker.pkg.dev/acme-demo/containers/unsigned@sha256:0bcd60beb93f4427c29cf3a669743caf58490e98ded4380c33c09f092734a6ab"
	const frame = `admission webhook "policy.sigstore.dev" denied the request: validation failed: `
	const unmet = frame + "failed policy: private-signed-images-cip: spec.template.spec.containers[0].image\n" + image +
		" signature key validation failed for authority authority-0 for " + image + ": "
	for _, c := range []struct{ message, last string }{
		{unmet + "no signatures found", "no signatures found"},
		{unmet + "no matching signatures: invalid signature when validating ASN.1 encoded signature", "invalid signature when validating ASN.1 encoded signature"},
		{frame + "no matching policies: spec.template.spec.containers[0].image\n" + image, "no matching policies: …"},
		{unmet + "no signature at all of anybody that this policy knows of", "no signature at all of anybody that this policy knows of"},
		{"deployment.apps/nginx available", "deployment.apps/nginx available"},
	} {
		for w := 10; w <= 120; w++ {
			for most := 1; most <= 8; most++ {
				lines := said(c.message, w, most)
				got := strings.ReplaceAll(strings.Join(lines, " "), " ", "")
				if !strings.HasSuffix(got, strings.ReplaceAll(c.last, " ", "")) {
					t.Fatalf("%d×%d: %q has lost %q", w, most, lines, c.last)
				}
				if least := len(wrap("… "+c.last, w)); len(lines) > max(most, least) {
					t.Fatalf("%d×%d: %q", w, most, lines)
				}
			}
		}
	}
	if got := strings.Join(said(unmet+"no signatures found", 35, 3), " "); got != "validation failed: … no signatures found" {
		t.Errorf("at 80×24: %q", got)
	}
}

func TestTryAnImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := proven()(t, 80, 24)
		d.wait()
		d.press("t")
		d.typed("busybox")
		d.press("enter")
		d.shows("busybox would be refused", "no signatures found")
	})
}

func TestCopyCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter", "enter")
		_, cmd := d.a.Update(keyNamed("y"))
		if got := fmt.Sprint(cmd()); !strings.Contains(got, "gcloud project --project acme-demo") {
			t.Errorf("copied %q", got)
		}
		d.shows("command copied")
	})
}

func TestLogSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events, b.session.hold = script(), make(chan struct{})
		for i := range logLimit + 500 {
			b.session.events = append(b.session.events, engine.Event{Type: engine.TypeNotice, Step: "cluster", Text: fmt.Sprintf("call number %d", i), Time: noon()})
		}
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter")
		for d.a.run.log.total < logLimit+500 {
			d.send(listen(d.a.stream)())
		}
		d.press("l")
		d.shows("10000 lines", fmt.Sprintf("call number %d", logLimit+499))
		d.press("/")
		d.typed("number 10123")
		d.press("enter")
		d.shows("1 line", "call number 10123")
		d.press("esc", "l")
		d.shows("Policy controller")
	})
}

// What is read in the log stays where it is while more comes in; at its end it follows.
func TestLogStaysWhereItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["log"](t, 80, 24)
		say := func(from, to int) {
			for i := from; i < to; i++ {
				d.a.run.apply(engine.Event{Type: engine.TypeNotice, Step: "cluster", Text: fmt.Sprintf("call number %d.", i), Time: noon()}, noon())
			}
		}
		say(0, 100)
		d.shows("number 99.")
		d.press("pgup")
		d.shows("number 89.", "10 below")
		say(100, 300)
		d.shows("number 89.", "210 below")
		d.press("down")
		d.shows("number 90.", "209 below")
		d.press("end")
		say(300, 400)
		d.shows("number 399.")
	})
}

func TestTooSmallIsASentence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 39, 12)
		d.shows("needs 40×12", "39×12")
		d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
		d.shows("a new setup")
	})
}

func TestHelpSaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.plan.Steps[2].Change = engine.Change{Action: engine.Blocked, Problem: &problem.Problem{What: "no"}}
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter", "?")
		d.shows("Keys", "not now: a step is blocked", "ctrl+z")
		d.press("?")
		d.shows("The plan")
	})
}

// Ctrl+C leaves by the exit code that shells know it by, on each screen; q does not. With
// nothing begun there is nothing to go on with.
func TestCtrlCBeforeARun(t *testing.T) {
	for _, row := range []struct {
		key  string
		want bool
	}{{"ctrl+c", true}, {"q", false}} {
		for screens := range 5 { // welcome, projects, regions, names, plan
			d := drive(t, newFake(), 80, 24)
			for range screens {
				d.press("enter")
			}
			if s, ok := d.a.screen.(typist); ok && s.typing() && row.key == "q" {
				continue // it is text there
			}
			d.press(row.key)
			if o := d.a.outcome; o.Interrupted != row.want || o.Farewell() != "" {
				t.Errorf("%s on screen %T: outcome %+v, %q", row.key, d.a.screen, o, o.Farewell())
			}
		}
	}
}
