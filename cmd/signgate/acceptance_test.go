//go:build acceptance

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/tools"
)

// The whole flow on a real project, and away again: make acceptance PROJECT=id. It is
// kept out of every other run by its build tag, makes a cluster for some minutes, and
// gives everything a suffix of its own. -in-sandbox runs the same on the sandbox's
// project, to try this test itself.
var (
	acceptProject = flag.String("project", "", "`id` of the project")
	acceptRegion  = flag.String("region", "", "`region` (default: signgate's)")
	acceptSandbox = flag.Bool("in-sandbox", false, "the sandbox's project of that id, not Google Cloud's")
)

// acceptance is one run of it.
type acceptance struct {
	*testing.T
	ctx     context.Context
	program string
	suffix  string
	state   string
}

func TestAcceptance(t *testing.T) {
	if *acceptProject == "" {
		t.Fatal("which project? make acceptance PROJECT=id")
	}
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 3)
	rand.Read(id)
	folder, err := os.MkdirTemp("", "signgate-acceptance-")
	if err != nil {
		t.Fatal(err)
	}
	// Interrupted, it still takes away what it made.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	a := &acceptance{T: t, ctx: ctx, program: filepath.Join(root, "bin", "signgate"), suffix: hex.EncodeToString(id), state: folder}
	t.Logf("project %s, suffix %s, records in %s", *acceptProject, a.suffix, folder)
	defer a.clearUp()

	a.must(0, "doctor")
	plan := a.plan(folder)
	if n := plan.Counts(); n[engine.Blocked] > 0 || n[engine.Create] < 8 {
		t.Fatalf("the plan of a new setup: %v", n)
	}
	a.apply()
	a.must(0, "status")
	if out := a.must(0, "apply", "--yes"); !strings.Contains(out, "No changes") {
		t.Errorf("apply again:\n%s", out)
	}
	a.images()
}

// apply makes the setup; every verdict is as it should be.
func (a *acceptance) apply() {
	a.Helper()
	verdicts, ok := 0, false
	for line := range strings.Lines(a.must(0, "apply", "--yes", "--output", "json")) {
		var ev engine.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			a.Fatalf("%v: %s", err, line)
		}
		if ev.Verdict != nil {
			verdicts++
			if !ev.Verdict.OK {
				a.Errorf("verdict %+v", *ev.Verdict)
			}
		}
		ok = ev.Summary != nil && ev.Summary.OK
	}
	if verdicts != 4 || !ok {
		a.Errorf("%d verdicts, and the run's summary says %v", verdicts, ok)
	}
}

// images signs one more image: it is refused before and admitted after.
func (a *acceptance) images() {
	a.Helper()
	region := *acceptRegion
	if region == "" {
		region = "northamerica-northeast1"
	}
	image := region + "-docker.pkg.dev/" + strings.ReplaceAll(*acceptProject, ":", "/") + "/containers-" + a.suffix + "/nginx:signgate-unsigned"
	a.must(exitDiffers, "try", image)
	a.must(0, "sign", image)
	a.must(0, "try", image)
}

// clearUp takes everything away, also where the test failed half way or was
// interrupted, and looks that nothing is left which costs.
func (a *acceptance) clearUp() {
	interrupted := a.ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	a.ctx = ctx
	if interrupted {
		a.Error("interrupted; taking away what was made")
	}
	code, out := 0, ""
	for range 3 { // a cluster that is still being made cannot be deleted yet
		if code, out = a.run("destroy", "--yes"); code == 0 || strings.Contains(out, "no such setup") {
			break
		}
	}
	a.Logf("destroy: exit code %d\n%s", code, out)
	if code != 0 && !strings.Contains(out, "no such setup") {
		a.Errorf("it could not all be taken away; again: %s destroy --state-dir %s", a.program, a.state)
		return
	}
	// A record of its own sees what anybody would see.
	fresh := a.TempDir()
	for _, s := range a.plan(fresh).Steps {
		switch s.ID {
		case "registry", "identity", "cluster":
			if s.Change.Action != engine.Create {
				a.Errorf("after destroy, %s is still there: %s", s.ID, s.Change.Summary)
			}
		}
	}
	if *acceptSandbox {
		if code, out := a.run("sandbox", "reset", "--yes"); code != 0 {
			a.Errorf("end the sandbox: %s", out)
		}
	}
	if !a.Failed() {
		os.RemoveAll(a.state)
	}
}

// plan is what a setup whose record is in this folder would do.
func (a *acceptance) plan(folder string) engine.Plan {
	a.Helper()
	state := a.state
	defer func() { a.state = state }()
	if !*acceptSandbox { // whose records are in the sandbox's own folder
		a.state = folder
	}
	_, out := a.run("plan", "--output", "json")
	for line := range strings.Lines(out) {
		var ev engine.Event
		if json.Unmarshal([]byte(line), &ev) == nil && ev.Plan != nil {
			return *ev.Plan
		}
	}
	a.Fatalf("no plan: %s", out)
	return engine.Plan{}
}

// must runs a verb, which is to end with this code.
func (a *acceptance) must(code int, args ...string) string {
	a.Helper()
	start := time.Now()
	got, out := a.run(args...)
	a.Logf("signgate %s: exit code %d after %s", strings.Join(args, " "), got, time.Since(start).Round(100*time.Millisecond))
	if got != code {
		a.Fatalf("exit code %d, want %d:\n%s", got, code, out)
	}
	return out
}

// run runs a verb of the program and gives its exit code and what it said. Verbs about
// a setup are told which.
func (a *acceptance) run(args ...string) (int, string) {
	a.Helper()
	switch args[0] {
	case "doctor", "plan", "apply":
		args = append(args, "--project", *acceptProject, "--suffix", a.suffix)
		if *acceptRegion != "" {
			args = append(args, "--region", *acceptRegion)
		}
	}
	if *acceptSandbox && args[0] != "sandbox" {
		args = append(args, "--sandbox")
	}
	cmd := exec.CommandContext(a.ctx, a.program, append(args, "--state-dir", a.state)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it saves, and stops
	cmd.WaitDelay = 10 * time.Minute
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		a.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
