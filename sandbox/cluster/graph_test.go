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
	"slices"
	"strings"
	"testing"
)

// TestPolicyControllerIsUnmodified holds the modules that decide what the
// binary does to the versions of upstream's own go.mod: nothing in this
// module may have moved them.
func TestPolicyControllerIsUnmodified(t *testing.T) {
	built := modules(t, "policy-controller")
	if got := built["github.com/sigstore/policy-controller"]; got != "v0.13.1" {
		t.Fatalf("policy-controller is %q", got)
	}
	same(t, built, upstream(t), 8, "github.com/sigstore/", "github.com/google/go-containerregistry", "knative.dev/")
	for _, must := range []string{
		"github.com/sigstore/cosign/v2", "github.com/sigstore/sigstore", "github.com/sigstore/sigstore-go",
		"github.com/google/go-containerregistry", "knative.dev/pkg",
	} {
		if built[must] == "" {
			t.Errorf("%s is not in the binary", must)
		}
	}
}

// TestBuiltOnce holds what signgate and the cluster have in common of Kubernetes, and of what it stands
// on, to one version: a package in two versions is compiled twice, which is minutes of a first build.
// With -trimpath the version that is required counts, whatever replaces it; here they are the same.
func TestBuiltOnce(t *testing.T) {
	same(t, modules(t, "signgate-cluster"), modules(t, "signgate"), 20, "k8s.io/", "sigs.k8s.io/", "golang.org/x/", "google.golang.org/", "go.opentelemetry.io/")
}

// same holds the modules that begin so, and that both have, to one version. There are so many at least.
func same(t *testing.T, got, want map[string]string, least int, prefixes ...string) {
	compared := 0
	for path, version := range got {
		other, both := want[path]
		begins := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
		if !both || !begins {
			continue
		}
		compared++
		if version != other {
			t.Errorf("%s is %s, wanted is %s", path, version, other)
		}
	}
	if compared < least {
		t.Errorf("only %d modules were compared", compared)
	}
}

// modules are those that a binary in bin was built from.
func modules(t *testing.T, name string) map[string]string {
	binary, err := filepath.Abs("../../bin/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there: make build", binary)
	}
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
		case len(f) >= 3 && f[0] == "=>" && f[2] != found[last]:
			t.Errorf("%s is required in %s and replaced by %s", last, found[last], f[2])
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
