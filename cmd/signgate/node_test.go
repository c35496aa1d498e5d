package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
)

// TestNode runs Google's Node.js clients in the sandbox, unmodified, over gRPC and over REST.
func TestNode(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not on this machine", name)
		}
	}
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(filepath.Join("testdata", "node"))
	if err != nil {
		t.Fatal(err)
	}
	modules, err := tools.NodeModules(t.Context(), root, dir, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, nil, nil)
	d.project = sandbox.InUse
	out, err := d.run(t, "env", "NODE_PATH="+modules, "node", filepath.Join(dir, "smoke.js"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"kms over grpc: ok", "artifactregistry over grpc: ok", "container over grpc: ok",
		"kms over rest: ok", "artifactregistry over rest: ok", "container over rest: ok",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q was not printed:\n%s", want, out)
		}
	}
}
