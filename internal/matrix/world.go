// Package matrix puts signgate through what can go wrong in the middle of a run. The real
// program runs in sandboxes of its own. Each of its calls that changes anything is held,
// before its effect and after it, while the program is killed; and each call that it makes
// fails, in every way that a cloud has. Run again, it must reach the end that an undisturbed
// run reaches: the whole cloud and the whole cluster are compared.
//
// It knows nothing of the program's inside: it is held against what it does.
package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/signgate/signgate/sandbox"
)

// World is a sandbox with the program at work in it. Nothing of it is shared with another.
type World struct {
	bin   string // folder of the programs
	state string // the program's state folder
	box   *sandbox.Running

	cluster *api // once it was asked for
}

// newWorld starts an empty sandbox with the programs of a folder.
func newWorld(ctx context.Context, bin string) (*World, error) {
	state, err := os.MkdirTemp("", "signgate-matrix-")
	if err != nil {
		return nil, err
	}
	w := &World{bin: bin, state: state}
	if out, err := w.command(ctx, "sandbox", "up").CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox up: %w\n%s", err, out), os.RemoveAll(state))
	}
	if w.box, err = sandbox.Find(ctx, filepath.Join(state, "sandbox")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(state))
	}
	return w, nil
}

// endWithin is how long a sandbox may take to end.
const endWithin = time.Minute

// Close ends the sandbox and forgets it. It does so also when the context has ended.
func (w *World) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	return errors.Join(w.box.Stop(ctx), os.RemoveAll(w.state))
}

// command is the program with arguments, in an environment that says nothing else.
func (w *World) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, "signgate"), args...)
	cmd.Dir = w.state
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.state, "SIGNGATE_STATE_DIR=" + w.state, "SIGNGATE_BIN=" + w.bin}
	cmd.WaitDelay = time.Second
	return cmd
}

// Run is one run of the program, while it is under way.
type Run struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	ended    chan struct{}
}

// Start begins a run of `apply`.
func (w *World) Start(ctx context.Context) (*Run, error) {
	r := &Run{cmd: w.command(ctx, "apply", "--yes", "--sandbox", "--output", "json"), ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.cmd.Wait() // how it ended is in ProcessState
		close(r.ended)
	}()
	return r, nil
}

// Apply runs `apply` to its end.
func (w *World) Apply(ctx context.Context) (*Run, error) {
	r, err := w.Start(ctx)
	if err != nil {
		return nil, err
	}
	<-r.ended
	return r, ctx.Err()
}

// Kill sends SIGKILL and returns when the process is gone.
func (r *Run) Kill() error {
	if err := r.cmd.Process.Kill(); err != nil {
		return err
	}
	<-r.ended
	if status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("signgate was to be killed, and ended with %s", r.cmd.ProcessState)
	}
	return nil
}

// event is what is read of a line that the program prints.
type event struct {
	Step  string
	Error *problem
	Plan  *struct {
		Steps []struct {
			Step   string
			Change struct{ Problem *problem }
		}
	}
}

type problem struct{ ID, Message, Words string }

// stop is a problem that the run stopped at, and where.
type stop struct {
	problem
	step string
}

func (r *Run) stops() []stop {
	var all []stop
	for line := range bytes.Lines(r.out.Bytes()) {
		var e event
		if json.Unmarshal(line, &e) != nil { // the last line of a killed run may be half a line
			continue
		}
		if e.Error != nil {
			all = append(all, stop{*e.Error, e.Step})
		}
		if e.Plan == nil {
			continue
		}
		for _, s := range e.Plan.Steps {
			if s.Change.Problem != nil {
				all = append(all, stop{*s.Change.Problem, s.Step})
			}
		}
	}
	return all
}

// OK says whether the run came to its end with everything as wanted.
func (r *Run) OK() bool { return r.cmd.ProcessState.ExitCode() == 0 }

// Problems are the ids of what the run stopped at, each once.
func (r *Run) Problems() []string {
	var ids []string
	for _, s := range r.stops() {
		if !slices.Contains(ids, s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// String is how the run ended and what it said last.
func (r *Run) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s", r.cmd.ProcessState)
	for _, s := range r.stops() {
		fmt.Fprintf(&text, "\n  step %s: %s: %s\n    %s", s.step, s.ID, s.Message, strings.ReplaceAll(strings.TrimSpace(s.Words), "\n", "\n    "))
	}
	if said := strings.TrimSpace(r.err.String()); said != "" {
		fmt.Fprintf(&text, "\n  %s", strings.ReplaceAll(said[max(0, len(said)-1500):], "\n", "\n  "))
	}
	return text.String()
}
