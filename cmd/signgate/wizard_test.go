//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/state"
)

// asked answers the wizard's questions, up to the plan on the screen.
func (p *person) asked(project string) {
	p.t.Helper()
	p.see("a new setup")
	p.press("\r")
	p.see(project)
	p.press(project)
	p.press("\r")
	p.see("✓ permissions", "go on") // the preflight has passed
	p.press("\r")
	p.see("Montréal")
	p.press("\r")
	p.see("Repository")
	p.press("\r")
	p.see("The plan", "12 create")
}

// resumed goes on with the setup on record, up to its run.
func (p *person) resumed() {
	p.t.Helper()
	p.see("acme-demo")
	p.press("\r")
	p.see("The plan", " create ")
	p.insist("\r", "to go")
}

// The wizard on one setup, from the first question to the verdicts: its terminal is
// closed in the middle of the run, it is killed in the next one, suspended in the
// third, which meets a fault, is watched from another terminal, and ends well.
func TestWizardInTheSandbox(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.signgate("sandbox", "up")
	r.faults(holds("CreateServiceAccount"), refusesToSign(0))

	p := r.sit("TERM=xterm-256color", "sh", "-c", `trap "" HUP; exec "$0" --sandbox`, r.self) // as below nohup
	p.asked("acme-demo")
	p.insist("\r", "to go")
	r.held()
	p.keys.Close() // the terminal is gone
	if code := p.wait(); code != exitInterrupted {
		t.Errorf("exit code %d after its terminal was closed", code)
	}
	r.unlocked(t)

	r.faults(holds("CreateCluster"), refusesToSign(0))
	p = r.wizard()
	p.resumed()
	r.held()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.see("stopping")
	r.clear() // the cluster comes to its end, nothing new starts
	p.leaves(exitInterrupted, "go on with it by: signgate apply --sandbox --setup acme-demo")
	r.unlocked(t)

	r.faults(refusesToSign(1))
	shell := r.sit("TERM=xterm-256color", "/bin/sh", "-i")
	shell.look("ready>")
	shell.press(r.self + " --sandbox\r")
	shell.suspends()
	shell.resumed()
	shell.see("failed")

	w := r.wizard() // a second one, on the same setup
	w.see("acme-demo")
	w.press("\r")
	w.see("read-only")
	w.insist("\r", "watching")
	w.see("failed")

	shell.insist("r", "The proof")
	shell.see("admitted, as it should be")
	w.see("The proof", "admitted, as it should be") // over there, too
	w.press("q")
	w.leaves(exitDone, "")
	shell.insist("\r", "what next") // the summary
	shell.press("\r")
	shell.look("ready>") // fg has ended as the wizard did
	shell.press("exit $?\r")
	shell.leaves(exitDone, "")
}

// suspends sends the wizard to sleep as a person and as another program would, looks
// whether the terminal is the shell's, and wakes it.
func (p *person) suspends() {
	p.t.Helper()
	p.see("acme-demo")
	p.press("\x1a")  // Ctrl+Z
	p.look("topped") // the shell's word for it
	p.restored()
	p.press("echo still a $((40+2))\r")
	p.look("still a 42")
	p.press("fg\r")
	p.see("acme-demo")
	p.press("?") // and it hears
	p.see("Keys")
	p.press("?")
}

// faults arms some, in place of those that were there.
func (r *room) faults(all ...fault.Fault) {
	r.t.Helper()
	r.clear()
	for _, f := range all {
		if _, err := r.sandbox().AddFault(r.t.Context(), f); err != nil {
			r.t.Fatal(err)
		}
	}
}

func holds(method string) fault.Fault { return fault.Fault{Target: method, Hold: true} }

// refusesToSign answers so many calls as Google does where something has to be put right first.
func refusesToSign(times int) fault.Fault {
	return fault.Fault{Target: "AsymmetricSign", Code: "FAILED_PRECONDITION", Times: times}
}

// clear takes all faults away, and lets go of what they hold.
func (r *room) clear() {
	r.t.Helper()
	if err := r.sandbox().ClearFaults(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) sandbox() *sandbox.Running {
	r.t.Helper()
	up, err := sandbox.Find(r.t.Context(), filepath.Join(r.dir, "sandbox"))
	if err != nil {
		r.t.Fatal(err)
	}
	return up
}

// held waits until each fault has met a call, those that hold one included.
func (r *room) held() {
	r.t.Helper()
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for late := time.After(waitAtMost); ; {
		all, err := r.sandbox().ListFaults(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if !slices.ContainsFunc(all, func(f fault.Seen) bool { return f.Held+f.Hits == 0 }) {
			return
		}
		select {
		case <-beat.C:
		case <-late:
			r.t.Fatalf("nobody calls what is held: %+v", all)
		}
	}
}

// unlocked checks that nobody works on the setup any more, and that it is on record.
func (r *room) unlocked(t *testing.T) {
	t.Helper()
	dir := filepath.Join(r.dir, "sandbox")
	if pid, held := state.Held(dir, "acme-demo"); held {
		t.Errorf("process %d still holds the setup", pid)
	}
	rec, err := state.Read(dir, "acme-demo")
	if err != nil || len(rec.Entries) == 0 {
		t.Errorf("%d entries on record, %v", len(rec.Entries), err)
	}
}

// The same story without a screen, in lines: left in the middle and gone on with, a
// failure and its second try, the verdicts, and all of it removed.
func TestAccessibleInTheSandbox(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.signgate("sandbox", "up")
	r.faults(holds("CreateCluster"), refusesToSign(0))
	p := r.sit("TERM=xterm-256color", r.self, "--sandbox", "--accessible")
	p.answer("a project id [1]: ", "acme-demo")
	p.look("Which region?") // the preflight has passed
	p.answer("Number [", "")
	p.answer("nothing to go on: ", "")
	p.pick("make it so, and wait before each step")
	for _, step := range []string{"Project", "APIs"} {
		p.look("Next: " + step + ".")
		p.answer("An empty line begins it.", "")
	}
	p.look("APIs: done")
	p.press("q\r")
	p.leaves(exitInterrupted, "go on with it by")
	r.unlocked(t)

	p = r.sit("ACCESSIBLE=1", r.self, "--sandbox")
	p.pick("go on with acme-demo, unfinished")
	p.pick("make it so")
	r.held()
	p.press("q\r")
	p.look("Stopping")
	r.clear()
	p.leaves(exitInterrupted, "go on with it by")

	r.faults(refusesToSign(1))
	p = r.sit("ACCESSIBLE=1", r.self, "--sandbox")
	p.pick("go on with acme-demo, unfinished")
	p.pick("make it so")
	p.look("Signature: failed")
	p.pick("try again")
	p.pick("make it so")
	p.look("Verdict on the image you signed")
	p.look("admitted, as it should be")
	p.pick("destroy it again")
	p.answer("anything else keeps it: ", "acme-demo")
	p.leaves(exitDone, "Removed.")
	if drawn := p.all.String(); strings.ContainsAny(drawn, "\x1b\a│─╭╮╯╰█░✓●") {
		t.Errorf("lines are drawn: %q", drawn)
	}
}

// A failure leads to the question whose answer caused it, and its new answer back into
// the same setup: the quota refuses a machine in each zone, one machine fits.
func TestWizardChangesTheAnswerThatFailed(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.signgate("sandbox", "up")
	r.faults(fault.Fault{Target: "CreateCluster", Code: "PERMISSION_DENIED",
		Message: `Insufficient regional quota to satisfy request: resource "CPUS": request requires '6.0' and is short '4.0'.`})

	p := r.wizard()
	p.asked("acme-demo")
	p.insist("\r", "to go")
	p.see("quota")
	r.clear()
	p.insist("c", "one machine") // once what else runs has ended
	p.press("\x1b[C")            // →: regional
	p.press("\r")
	p.see("admitted, as it should be") // the proof, of the same setup
	p.insist("\r", "what next")
	p.press("q")
	p.leaves(exitDone, "")
	if rec, err := state.Read(filepath.Join(r.dir, "sandbox"), "acme-demo"); err != nil || rec.Answers.Shape != state.Regional || rec.Finished.IsZero() {
		t.Errorf("the record has %+v, %v", rec.Answers, err)
	}
}
