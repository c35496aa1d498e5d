package tui

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

func TestLearnModeStopsBeforeEachStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["learn"](t, 80, 24)
		d.shows("APIs", "waits for you", "Why it matters", "begin it")
		if n := d.a.run.count(engine.Started, engine.Done); n > 0 {
			t.Fatalf("%d steps began before they were read about", n)
		}
		d.press("enter") // typed ahead of the lesson
		d.shows("has just opened")
		d.wait()
		d.press("enter")
		d.settle()
		d.shows("Key ring", "waits for you")
		if n := d.a.run.count(engine.Done); n != 1 {
			t.Errorf("%d steps done after one was let begin", n)
		}
		d.press("m") // enough: the rest by itself
		d.settle()
		d.settle()
		d.shows("The proof")
	})
}

func TestPauseInLearnMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["learn"](t, 120, 40)
		d.press("p")
		d.settle()
		d.settle()
		d.shows("paused")
	})
}

func TestFailureLeadsToTheQuestionAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["failure"](t, 80, 24)
		d.wait()
		d.shows("change “Shape”")
		d.press("c")
		d.shows("▸ Shape", "● zonal, one machine")
		d.press("esc")
		d.shows("✗ Cluster")
		d.b.session.events, d.b.session.runErr = rest(), nil
		d.wait()
		d.press("c", "right", "enter")
		d.settle()
		if got := d.b.session.answers.Shape; got != state.Regional {
			t.Errorf("the setup's shape is %q", got)
		}
		if d.b.session.closed > 0 {
			t.Error("the setup was let go")
		}
		d.shows("The proof")
	})
}

// TestNoAnswerCausedIt: what the account may not do leads to no question as if its answer were wrong.
func TestNoAnswerCausedIt(t *testing.T) {
	for _, in := range infos() {
		if path, sure := questionOf(in.ID, "permission-denied"); path != "" && path != "project" || sure {
			t.Errorf("%s: a missing permission is said to be caused by %q", in.ID, path)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events = append(script(), engine.Event{Type: engine.TypeStep, Step: "signature", Status: engine.Failed,
			Problem: &problem.Problem{ID: "permission-denied", What: "you lack a permission: cloudkms.cryptoKeyVersions.useToSign"}})
		b.session.runErr = []error{errors.New("failed")}
		d := drive(t, b, 80, 24)
		d.press("enter", "enter", "enter", "enter")
		d.wait()
		d.press("enter")
		d.wait()
		d.shows("you lack a permission", "c change answers")
		d.press("c")
		d.shows("▸ Shape")
	})
}

func TestLeavingOutNeedsTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["failure"](t, 80, 24)
		d.wait()
		d.press("s")
		d.shows("without it nothing is protected")
		d.a.run.step("enforcement").status = engine.Done
		d.press("s")
		d.shows("Done without Cluster", "Proof")
	})
}

func TestPreflightSaysWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		ahead := &lookingAhead{fakeBackend: b, checks: lacking()}
		d := driveOn(t, ahead, b, 80, 24)
		d.press("enter", "enter")
		d.shows("✓ signed in to Google", "? billing", "✗ permissions", "4 of 6, 2 missing", "container.clusters.create is missing")
		_, cmd := d.a.Update(keyNamed("y"))
		if cmd == nil {
			t.Fatal("nothing to copy")
		}
		d.do(cmd)
		d.shows("fix copied")
		ahead.checks = passing()
		d.press("r")
		d.shows("✓ permissions", "6 of 6")
		d.press("enter")
		d.shows("Which region?")
	})
}

func TestCommandInAFix(t *testing.T) {
	for fix, want := range map[string]string{
		"ask an owner to run: gcloud projects add-iam-policy-binding p --role=r": "gcloud projects add-iam-policy-binding p --role=r",
		"signgate apply; or wait": "signgate apply",
		"choose another name":     "choose another name",
	} {
		if got := commandIn(fix); got != want {
			t.Errorf("%q: %q", fix, got)
		}
	}
}

func TestImageIsLookedUpWhileOneTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newFake(), 80, 24)
		d.press("enter", "enter", "enter")
		d.shows("sha256:4c1c50d0ffc6…")
		d.a.screen.(*names).goTo("image")
		d.press("backspace")
		d.typed("z")
		d.send(lookUp{"ngin"}) // overtaken by what was typed after it
		d.send(lookUp{"nginz"})
		d.shows("there is no image nginz")
		d.press("enter") // the plan will say so again
		d.shows("The plan")
	})
}

func TestWelcomeSaysWhatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["setups"](t, 80, 24)
		d.shows("go on with acme-demo", "✓ as it was left", "✗ the gate is open")
	})
}

func TestProofOpensWhenItBeginsAndFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scenes()["judging"](t, 120, 40)
		d.shows("The proof", "refused, as it should be", "asking the cluster")
		if n := strings.Count(d.text(), "refused, as it should be"); n != 2 {
			t.Errorf("%d verdicts on screen, two have fallen", n)
		}
		d.press("enter")
		d.shows("still being asked")
		d.press("esc")
		d.shows("would be refused at its next")
	})
}
