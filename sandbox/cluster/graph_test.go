package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyControllerIsUnmodified holds the modules that decide what the
// binary does to the versions of upstream's own go.mod: nothing in this
// module may have moved them.
func TestPolicyControllerIsUnmodified(t *testing.T) {
	binary, err := filepath.Abs("../../bin/policy-controller")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there: make policy-controller", binary)
	}
	built := modules(t, binary)
	if got := built["github.com/sigstore/policy-controller"]; got != "v0.13.1" {
		t.Fatalf("policy-controller is %q", got)
	}
	compared := 0
	for path, want := range upstream(t) {
		ours := false
		for _, prefix := range []string{"github.com/sigstore/", "github.com/google/go-containerregistry", "knative.dev/"} {
			ours = ours || strings.HasPrefix(path, prefix)
		}
		got, linked := built[path]
		if !ours || !linked {
			continue
		}
		compared++
		if got != want {
			t.Errorf("%s is %s, upstream has %s", path, got, want)
		}
	}
	for _, must := range []string{
		"github.com/sigstore/cosign/v2", "github.com/sigstore/sigstore", "github.com/sigstore/sigstore-go",
		"github.com/google/go-containerregistry", "knative.dev/pkg",
	} {
		if built[must] == "" {
			t.Errorf("%s is not in the binary", must)
		}
	}
	if compared < 8 {
		t.Errorf("only %d modules were compared", compared)
	}
}

// modules are those a binary was built from; a replaced one has its
// replacement's version.
func modules(t *testing.T, binary string) map[string]string {
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	last := ""
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		f := strings.Fields(s.Text())
		switch {
		case len(f) >= 3 && (f[0] == "dep" || f[0] == "mod"):
			found[f[1]], last = f[2], f[1]
		case len(f) >= 3 && f[0] == "=>":
			found[last] = f[2]
		}
	}
	return found
}

// upstream are the requirements in policy-controller's own go.mod.
func upstream(t *testing.T) map[string]string {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "github.com/sigstore/policy-controller").Output()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "mod", "edit", "-json", strings.TrimSpace(string(dir))).Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range mod.Require {
		found[r.Path] = r.Version
	}
	return found
}
