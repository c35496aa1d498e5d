package tui

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// reader talks to the wizard in lines: it waits for a text, then answers.
type reader struct {
	t       *testing.T
	in      *io.PipeWriter
	out     *bufio.Reader
	heard   strings.Builder
	done    chan struct{}
	cut     chan struct{} // an interruption
	outcome Outcome
	err     error
}

func talk(t *testing.T, b *fakeBackend) *reader {
	t.Helper()
	return talkTo(t, b, b)
}

func talkTo(t *testing.T, b Backend, fake *fakeBackend) *reader {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	r := &reader{t: t, in: inW, out: bufio.NewReader(outR), done: make(chan struct{}), cut: make(chan struct{}, 1)}
	go func() {
		defer close(r.done)
		defer outW.Close()
		r.outcome, r.err = Run(context.Background(), b, Options{Input: inR, Output: outW, Environ: []string{"TERM=dumb"}, Interrupt: r.cut, Now: fake.now})
	}()
	t.Cleanup(func() { inW.Close(); go io.Copy(io.Discard, outR); <-r.done })
	return r
}

// until reads up to a text.
func (r *reader) until(text string) {
	r.t.Helper()
	found := make(chan error, 1)
	go func() {
		var seen strings.Builder
		for !strings.HasSuffix(seen.String(), text) {
			c, _, err := r.out.ReadRune()
			if err != nil {
				found <- err
				return
			}
			seen.WriteRune(c)
			r.heard.WriteRune(c)
		}
		found <- nil
	}()
	select {
	case err := <-found:
		if err != nil {
			r.t.Fatalf("waiting for %q: %v; heard:\n%s", text, err, r.heard.String())
		}
	case <-time.After(waitAtMost):
		r.t.Fatalf("waiting for %q; heard:\n%s", text, r.heard.String())
	}
}

func (r *reader) answer(question, text string) {
	r.t.Helper()
	r.until(question)
	if _, err := io.WriteString(r.in, text+"\n"); err != nil {
		r.t.Fatal(err)
	}
}

// pick chooses one of the numbered options by its words.
func (r *reader) pick(option string) {
	r.t.Helper()
	r.until(". " + option)
	lines := strings.Split(r.heard.String(), "\n")
	number, _, _ := strings.Cut(strings.TrimSpace(lines[len(lines)-1]), ".")
	r.until("Number [")
	r.answer("]: ", number)
}

func (r *reader) end() Outcome {
	r.t.Helper()
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		b, _ := io.ReadAll(r.out)
		r.heard.Write(b)
	}()
	<-rest
	<-r.done
	if r.err != nil {
		r.t.Fatal(r.err)
	}
	return r.outcome
}

func TestAccessibleFromFirstQuestionToVerdict(t *testing.T) {
	b := newFake()
	r := talk(t, b)
	r.answer("project id [1]: ", "")
	r.answer("Number [2]: ", "")
	r.answer("nothing to go on: ", "5")
	r.answer("New answer [cosign-test-cluster]: ", "X")
	r.until("cannot be: it must be 3 to 27 lower-case letters")
	r.answer("nothing to go on: ", "5")
	r.answer("New answer [X]: ", "mine")
	r.answer("nothing to go on: ", "")
	r.until("Key ring: create.")
	r.answer("Number [1]: ", "")
	r.until("Signing key: done, cosign v1 (1.2s)")
	r.until("Verdict on the image you signed")
	r.until("admitted, as it should be")
	r.pick("ask the cluster about an image")
	r.answer("Image [docker.io/library/busybox]: ", "")
	r.until("busybox would be denied")
	r.answer("Number [1]: ", "1")
	if o := r.end(); !o.OK || o.Setup != "acme-demo" {
		t.Errorf("outcome %+v", o)
	}
	if got := b.created[0].Cluster; got != "mine" {
		t.Errorf("cluster %q", got)
	}
	for _, c := range r.heard.String() {
		if c == '\x1b' || strings.ContainsRune("│─╭╮╯╰█░✓●", c) {
			t.Fatalf("drawn with %q:\n%s", c, r.heard.String())
		}
	}
	if b.session.closed != 1 {
		t.Error("the setup was not let go")
	}
}

func TestAccessibleFailureThenRetry(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	b.session.events = failure()
	b.session.runErr = []error{errors.New("failed"), nil}
	r := talk(t, b)
	r.until("go on with acme-demo, unfinished")
	r.answer("Number [1]: ", "")
	r.answer("Number [1]: ", "")
	r.until("Problem: the region's quota")
	r.until("What to try: choose the zonal shape")
	b.session.events = rest()
	r.answer("Number [1]: ", "1") // try again
	r.answer("Number [1]: ", "")  // the plan
	r.until("Done in")
	r.answer("Number [1]: ", "1")
	if o := r.end(); !o.OK {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleLeaveInTheMiddle(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	b.session.events, b.session.hold = script(), make(chan struct{})
	r := talk(t, b)
	r.answer("Number [1]: ", "")
	r.answer("Number [1]: ", "")
	r.answer("Cluster: running", "q")
	r.until("Stopping")
	if o := r.end(); !o.Interrupted || o.Resume == "" {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleEndOfInput(t *testing.T) {
	r := talk(t, newFake())
	r.until("project id [1]: ")
	r.in.Close()
	if o := r.end(); o != (Outcome{}) {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleCtrlC(t *testing.T) {
	r := talk(t, newFake())
	r.until("project id [1]: ")
	r.cut <- struct{}{}
	if o := r.end(); o != (Outcome{Interrupted: true}) || o.Farewell() != "" {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleIsAskedFor(t *testing.T) {
	for env, want := range map[string]bool{"TERM=dumb": true, "ACCESSIBLE=1": true, "ACCESSIBLE=0": false, "ACCESSIBLE=": false, "TERM=xterm": false} {
		if got := Accessible([]string{"HOME=/", env}); got != want {
			t.Errorf("%s: %v", env, got)
		}
	}
}

func TestAccessibleDestroyWithRetry(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	b.session.destroyErr = []error{errors.New("the cluster is busy"), nil}
	r := talk(t, b)
	r.answer("Number [1]: ", "")
	r.pick("destroy what this setup made")
	r.until("stays: key ring")
	r.answer("anything else keeps it: ", "no")
	r.pick("destroy what this setup made")
	r.answer("anything else keeps it: ", "acme-demo")
	r.until("the cluster is busy")
	r.answer("Number [1]: ", "1")         // try again
	r.until("\nthe record is gone too\n") // which is of no step
	r.until("Removed.")
	if o := r.end(); !o.OK {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleGoesOnRemoving(t *testing.T) {
	b := newFake()
	b.setups, b.removing = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}, "acme-demo"
	r := talk(t, b)
	r.pick("go on removing acme-demo, removal unfinished")
	r.until("The removal of acme-demo was begun and did not end.")
	r.answer("anything else keeps it: ", "no")
	r.until("The plan:")
	r.pick("destroy what this setup made")
	r.answer("anything else keeps it: ", "acme-demo")
	r.until("Removed.")
	if o := r.end(); !o.OK || b.session.runs > 0 {
		t.Errorf("outcome %+v after %d runs", o, b.session.runs)
	}
}

func TestAccessibleReadsCommandsAndLessons(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	r := talk(t, b)
	r.answer("Number [1]: ", "")
	r.pick("hear what one would type instead")
	r.until("gcloud container clusters create cosign-test-cluster")
	r.pick("hear what each step is for")
	r.until("Why it matters: ")
	r.pick("leave")
	if o := r.end(); o.Interrupted {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleWatches(t *testing.T) {
	b := watchedSetup()
	r := talkTo(t, b, b.fakeBackend)
	r.answer("Number [1]: ", "")
	r.until("process 4711")
	r.answer("Number [1]: ", "1")
	r.until("Watching, read-only")
	r.answer("Cluster: running", "q")
	if o := r.end(); o.Interrupted || b.session.stopped > 0 {
		t.Errorf("outcome %+v; the watched run was stopped %d times", o, b.session.stopped)
	}
}

func TestAccessibleSaysThatItStillWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake()
		b.session.events, b.session.hold = script(), make(chan struct{})
		var out bytes.Buffer
		l := &lines{ctx: t.Context(), backend: b, out: &out, typed: make(chan string), now: time.Now, quiet: 30 * time.Second, session: b.session}
		l.run = newRun(b.session.plan, nil, l.now())
		time.AfterFunc(95*time.Second, func() { close(b.session.hold) })
		l.follow(func(ctx context.Context, _ *gate, emit func(engine.Event)) error {
			return b.session.Run(ctx, b.session.plan, RunOptions{}, emit)
		})
		if n := strings.Count(out.String(), "Still working: Cluster"); n != 3 {
			t.Errorf("said %d times in 95 s that it still works:\n%s", n, out.String())
		}
	})
}

func TestAccessibleWarns(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	b.session.events = judging()
	r := talk(t, b)
	r.answer("Number [1]: ", "")
	r.answer("Number [1]: ", "")
	r.until("\nWarning. Enforcement: deployment/web in namespace")
	r.pick("finish")
	r.end()
}

func TestAccessibleLearns(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	r := talk(t, b)
	r.answer("Number [1]: ", "")
	r.pick("make it so, and wait before each step")
	for _, step := range []string{"APIs", "Key ring", "Signing key", "Registry", "Image", "Signature", "Node identity", "Cluster"} {
		r.until("Next: " + step + ".")
		r.until("Why it matters: ")
		r.answer("An empty line begins it.\n", "")
	}
	r.until("Done in")
	r.pick("finish")
	if o := r.end(); !o.OK {
		t.Errorf("outcome %+v", o)
	}
}

func TestAccessibleChangesWhatFailed(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "acme-demo", Record: state.Record{Answers: b.session.answers}}}
	b.session.events = failure()
	b.session.runErr = []error{errors.New("failed"), nil}
	r := talk(t, b)
	r.answer("Number [1]: ", "")
	r.answer("Number [1]: ", "")
	r.pick("change “Shape”")
	r.until("zonal, one machine, $")
	b.session.events = rest()
	r.pick("regional, a machine in each of three zones")
	r.answer("nothing to go on: ", "")
	r.pick("make it so")
	r.until("Done in")
	r.pick("finish")
	if o := r.end(); !o.OK || b.session.answers.Shape != state.Regional {
		t.Errorf("outcome %+v, shape %s", o, b.session.answers.Shape)
	}
}

// payer is a fake that knows who could pay.
type payer struct{ *fakeBackend }

func (payer) BillingAccounts(context.Context) ([]BillingAccount, error) {
	return []BillingAccount{{"billingAccounts/01A2B3-C4D5E6-F7A8B9", "Acme"}}, nil
}

func TestAccessibleNewProject(t *testing.T) {
	b := newFake()
	r := talkTo(t, payer{b}, b)
	r.answer("project id [1]: ", "acme-new")
	r.pick("make a new project acme-new")
	r.until("Who pays for it?")
	r.answer("Number [1]: ", "")
	r.answer("Number [2]: ", "")
	r.answer("nothing to go on: ", "")
	r.pick("leave")
	r.end()
	if a := b.created[0]; a.Project != "acme-new" || !a.NewProject || a.BillingAccount != "billingAccounts/01A2B3-C4D5E6-F7A8B9" {
		t.Errorf("created with %+v", a)
	}
}

// Where no project is listed, saying nothing asks about none: the whole list is shown again.
func TestAccessibleNothingSaidOfProjects(t *testing.T) {
	r := talk(t, newFake())
	r.answer("project id [1]: ", "zzz")
	r.answer("project id: ", "")
	r.answer("project id [1]: ", "")
	r.until("Which region?")
	if strings.Contains(r.heard.String(), "with the id ,") {
		t.Errorf("a project was asked for that nobody named:\n%s", r.heard.String())
	}
}

func TestAccessiblePreflight(t *testing.T) {
	b := newFake()
	b.setups = []state.Listed{{Name: "old", Record: state.Record{Answers: b.session.answers, Finished: noon()}}}
	r := talkTo(t, &lookingAhead{b, lacking(), map[string]Standing{"old": {Text: "the gate is open"}}}, b)
	r.until("old: not as it was left: the gate is open")
	r.pick("a new setup")
	r.answer("project id [1]: ", "")
	r.until("signed in to Google owner@acme.example")
	r.until("--role=roles/cloudkms.admin")
	r.pick("go on all the same")
	r.until("Which region?")
	r.answer("Number [2]: ", "q")
	r.end()
}
