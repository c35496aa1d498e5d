package main

import (
	"bytes"
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
	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// bench is a sandbox with the real program at work in it, and somebody else's clients.
type bench struct {
	*testing.T
	dir, bin string

	clients *gcp.Clients
	k       *kube.Cluster
	n       steps.Names
	chart   kube.Chart
}

// newBench makes the whole setup, by the program.
func newBench(t *testing.T) *bench {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, dir: t.TempDir(), bin: filepath.Join(root, "bin")}
	if _, err := os.Stat(filepath.Join(b.bin, "signgate-cluster")); err != nil {
		t.Skip("the sandbox has no programs here: make build")
	}
	t.Cleanup(func() { endSandboxes(t, b.dir) })
	if out, code := b.run("", "apply", "--yes"); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, out)
	}
	b.dial()
	return b
}

// dial makes the clients of the owner, as an ordinary program of his would have them.
func (b *bench) dial() {
	b.Helper()
	r, err := sandbox.Find(b.Context(), filepath.Join(b.dir, "sandbox"))
	b.must(err)
	a := &app{}
	w, err := a.worldOf(r)
	b.must(err)
	b.clients, err = gcp.Dial(b.Context(), w.Options)
	b.must(err)
	b.Cleanup(b.clients.Close)
	answers := b.record().Answers
	b.clients.BillTo(answers.Project)
	b.n = steps.NamesOf(answers)
	b.chart = kube.Chart{Repo: w.Chart.URL, Name: w.Chart.Name, Version: w.Chart.Version, Digest: w.Chart.Digest}
	c, err := b.clients.GKE.GetCluster(b.Context(), &containerpb.GetClusterRequest{Name: b.n.Cluster()})
	b.must(err)
	ca, err := base64.StdEncoding.DecodeString(c.GetMasterAuth().GetClusterCaCertificate())
	b.must(err)
	b.k, err = kube.Dial(kube.Options{Host: c.GetEndpoint(), CA: ca, Transport: b.clients.Network.Transport(), Tokens: b.clients.Tokens})
	b.must(err)
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
	self, err := os.Executable()
	b.must(err)
	cmd := exec.CommandContext(b.Context(), self, append(args, "--sandbox")...)
	cmd.Args[0] = "signgate" // the test binary is the program by that name
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "SIGNGATE_STATE_DIR=" + b.dir, "SIGNGATE_BIN=" + b.bin}
	cmd.Stdin = strings.NewReader(input)
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return all.String(), exit.ExitCode()
	}
	b.must(err)
	return all.String(), 0
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
