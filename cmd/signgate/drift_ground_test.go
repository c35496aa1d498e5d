package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// bench is a sandbox with the real program at work in it, and somebody else's clients.
type bench struct {
	*testing.T
	dir, bin string

	box     *sandbox.Running
	clients *gcp.Clients
	k       *kube.Cluster
	n       steps.Names
	chart   kube.Chart
}

// newBench starts a sandbox; nothing is made in it yet.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, bin: programs(t), dir: t.TempDir()}
	t.Cleanup(func() { endSandboxes(t, b.dir) })
	b.ends(exitDone, "sandbox", "up")
	var err error
	b.box, err = sandbox.Find(b.Context(), filepath.Join(b.dir, "sandbox"))
	b.must(err)
	w, err := (&app{}).worldOf(b.box)
	b.must(err)
	b.clients, err = gcp.Dial(b.Context(), w.Options)
	b.must(err)
	b.Cleanup(b.clients.Close)
	b.chart = kube.Chart{Repo: w.Chart.URL, Name: w.Chart.Name, Version: w.Chart.Version, Digest: w.Chart.Digest}
	answers := state.Defaults()
	answers.Project = sandbox.Project
	b.clients.BillTo(answers.Project)
	b.n = steps.NamesOf(answers)
	return b
}

// whole makes the whole setup, by the program, and a client of its cluster.
func (b *bench) whole() *bench {
	b.Helper()
	b.ends(exitDone, "apply", "--yes")
	c, err := b.clients.GKE.GetCluster(b.Context(), &containerpb.GetClusterRequest{Name: b.n.Cluster()})
	b.must(err)
	ca, err := base64.StdEncoding.DecodeString(c.GetMasterAuth().GetClusterCaCertificate())
	b.must(err)
	b.k, err = kube.Dial(kube.Options{Host: c.GetEndpoint(), CA: ca, Transport: b.clients.Network.Transport(), Tokens: b.clients.Tokens})
	b.must(err)
	return b
}

// with is the same for a subtest.
func (b *bench) with(t *testing.T) *bench {
	one := *b
	one.T = t
	return &one
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) record() state.Record {
	b.Helper()
	rec, err := state.Read(filepath.Join(b.dir, "sandbox"), "acme-demo")
	b.must(err)
	return rec
}

// run is the program, in the sandbox, with this on its input; what it says and how it ends.
func (b *bench) run(input string, args ...string) (out string, code int) {
	b.Helper()
	cmd, said := b.program(input, args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return said.String(), exit.ExitCode()
	}
	b.must(err)
	return said.String(), 0
}

func (b *bench) program(input string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	b.Helper()
	self, err := os.Executable()
	b.must(err)
	if args[0] != "sandbox" {
		args = append(args, "--sandbox")
	}
	cmd := exec.CommandContext(b.Context(), self, args...)
	cmd.Args[0] = "signgate" // the test binary is the program by that name
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "SIGNGATE_STATE_DIR=" + b.dir, "SIGNGATE_BIN=" + b.bin}
	cmd.Stdin = strings.NewReader(input)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	return cmd, &said
}

// killed is the program killed while a call is held: before it takes effect, or after.
func (b *bench) killed(target string, nth int, after bool, args ...string) {
	b.Helper()
	id, err := b.box.AddFault(b.Context(), fault.Fault{Target: target, Nth: nth, After: after, Hold: true})
	b.must(err)
	cmd, said := b.program("", args...)
	b.must(cmd.Start())
	ended := make(chan struct{})
	ctx, cancel := context.WithTimeout(b.Context(), waitAtMost)
	go func() {
		defer close(ended)
		defer cancel() // it is not held any more, if it ever was
		_ = cmd.Wait()
	}()
	err = b.box.AwaitHeld(ctx, id)
	_ = cmd.Process.Kill()
	<-ended
	if err == nil {
		b.left(id)
	}
	b.must(b.box.ClearFaults(b.Context()))
	if err != nil {
		b.Fatalf("signgate %s never came to %s: %v\n%s", strings.Join(args, " "), target, err, said)
	}
}

// left waits until the sandbox has noticed that the client has gone: a call that was held
// before its effect has none then.
func (b *bench) left(id string) {
	b.Helper()
	b.until("the call of a process that is gone is held no more", func(ctx context.Context) (bool, error) {
		held, err := b.box.IsHeld(ctx, id)
		return !held, err
	})
}

// ends is run that must end with a code.
func (b *bench) ends(want int, args ...string) string {
	b.Helper()
	out, code := b.run("", args...)
	if code != want {
		b.Fatalf("signgate %s ended with %d, want %d:\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

// status is the report, and the code with which it was given.
func (b *bench) status() (engine.Report, int) {
	b.Helper()
	out, code := b.run("", "status", "--output", "json")
	var r engine.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		b.Fatalf("status: %v:\n%s", err, out)
	}
	return r, code
}

func (b *bench) registries() image.Registries {
	return image.Registries{HTTP: b.clients.HTTP, Tokens: b.clients.Tokens}
}
