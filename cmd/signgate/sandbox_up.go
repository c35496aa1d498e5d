package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/sandbox"
)

const logMax = 16 << 20 // bytes, after which sandbox.log is put aside as sandbox.log.1

// ensureSandbox finds the sandbox or starts it. Two that start it at once get the same one; one that
// is going down is waited for.
func (a *app) ensureSandbox(ctx context.Context) (r *sandbox.Running, started bool, err error) {
	dir, err := a.sandboxDir()
	if err != nil {
		return nil, false, err
	}
	if r, err := sandbox.Await(ctx, dir); err == nil || !errors.Is(err, sandbox.ErrDown) {
		return r, false, folder(err)
	}
	if err := sandbox.Usable(dir); err != nil {
		return nil, false, unusable(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, unusable(err)
	}
	lock := flock.New(filepath.Join(dir, "start.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, false, unusable(err)
	}
	defer lock.Unlock()
	if r, err := sandbox.Await(ctx, dir); err == nil || !errors.Is(err, sandbox.ErrDown) {
		return r, false, folder(err)
	}
	if err := a.startDaemon(ctx, dir); err != nil {
		return nil, false, err
	}
	r, err = sandbox.Find(ctx, dir)
	return r, true, folder(err)
}

// sandboxUp is ensureSandbox for a verb that needs the sandbox: it says how to end one that it has started.
func (a *app) sandboxUp(ctx context.Context) (*sandbox.Running, error) {
	r, started, err := a.ensureSandbox(ctx)
	if err == nil && started {
		fmt.Fprintf(a.Err, "sandbox: up at %s; %s ends it\n", r.Status.Proxy, a.sandboxLine("down"))
	}
	if err == nil {
		a.noteRebuilt(r.Status)
	}
	return r, err
}

// noteRebuilt says that a sandbox which is up is of an earlier build than the programs beside signgate.
func (a *app) noteRebuilt(st sandbox.Status) {
	if len(st.Rebuilt) > 0 {
		fmt.Fprintf(a.Err, "sandbox: %s\n", a.rebuilt(st))
	}
}

func (a *app) rebuilt(st sandbox.Status) string {
	return fmt.Sprintf("built anew since it was started: %s; after %s the next start uses that", list(st.Rebuilt), a.sandboxLine("down"))
}

func unusable(err error) error { return problem.Raise("sandbox-folder", err) }

// folder says of an error that the sandbox's folder is what fails, or that another process is busy there.
func folder(err error) error {
	var between *sandbox.BetweenError
	var path *fs.PathError
	switch {
	case errors.As(err, &between), errors.Is(err, sandbox.ErrInUse):
		return problem.Raise("sandbox-between", err)
	case errors.As(err, &path):
		return unusable(err)
	}
	return err
}

// startDaemon starts the background process and waits until it is ready or has failed.
func (a *app) startDaemon(ctx context.Context, dir string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := openLog(filepath.Join(dir, "sandbox.log"))
	if err != nil {
		return unusable(err)
	}
	defer log.Close()
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd := exec.Command(exe)                                                         // lives on after ctx
	cmd.Args = []string{"signgate", "sandbox", "serve", "--state-dir", stateOf(dir)} // the program's name is how tests re-enter it
	cmd.Dir, cmd.Env = dir, a.daemonEnviron()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = detached()
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	reap := func() { _ = cmd.Wait() } // if it ends before this process: else its number stays, as if it ran
	stop := context.AfterFunc(ctx, func() { ours.Close() })
	defer stop()
	said, err := io.ReadAll(ours) // ends when the daemon is ready or gone
	if ctx.Err() != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		go reap()
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	var answer readiness
	if json.Unmarshal(said, &answer) != nil {
		answer.Error = "it ended at once"
	}
	if answer.Error == "" {
		go reap()
		return nil
	}
	_ = cmd.Wait() // it is ending; its words say more than its exit code
	p := problem.Raise("sandbox-failed", errors.New(answer.Error))
	p.Fix = "its log is " + filepath.Join(dir, "sandbox.log")
	return p
}

// readiness is the one thing that the daemon tells who started it.
type readiness struct {
	Error string `json:"error,omitempty"`
}

// daemonEnviron is the little that the background process needs of the environment,
// so that nothing else in it can matter: it has no proxy and no Google variables.
func (a *app) daemonEnviron() []string {
	var out []string
	for _, kv := range a.env.list {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "SIGNGATE_BIN", "GOCOVERDIR", "GOTRACEBACK":
			out = append(out, kv)
		}
	}
	return append(out, sandbox.RunVariable+"="+sandbox.NewRun())
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logMax {
		_ = os.Rename(path, path+".1") // else it grows on
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// newSandboxServe is the background process itself.
func newSandboxServe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "serve",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			signal.Ignore(syscall.SIGHUP)
			return a.serveSandbox(ctx)
		},
	}
}

func (a *app) serveSandbox(ctx context.Context) error {
	tell := readyPipe()
	dir, err := a.sandboxDir()
	if err != nil {
		return err
	}
	bin, err := a.binDir()
	if err != nil {
		return err
	}
	o := sandbox.Options{Dir: dir, Bin: bin, Log: a.Err}
	err = sandbox.Serve(ctx, o, a.env.vars[sandbox.RunVariable], func(st sandbox.Status) {
		fmt.Fprintf(a.Err, "%s up at %s\n", time.Now().UTC().Format(time.RFC3339), st.Proxy)
		tell(readiness{})
	})
	if err != nil {
		tell(readiness{Error: err.Error()})
	}
	fmt.Fprintf(a.Err, "%s down\n", time.Now().UTC().Format(time.RFC3339))
	return err
}

// readyPipe tells the parent, once, on the pipe that it gave: file 3. Nothing that
// this process starts inherits it.
func readyPipe() func(readiness) {
	const fd = 3
	syscall.CloseOnExec(fd)
	pipe := os.NewFile(fd, "ready")
	return func(r readiness) {
		if pipe == nil {
			return
		}
		_ = json.NewEncoder(pipe).Encode(r) // no parent: started by hand
		pipe.Close()
		pipe = nil
	}
}
