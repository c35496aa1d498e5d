// Package tools builds the programs of others that tests and benchmarks compare
// with, unmodified, at pinned versions from the Go module proxy, into the
// project's cache folder. Nothing of them is part of signgate.
package tools

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// Tool is a command of somebody else's module.
type Tool struct {
	Name    string // of the program in the cache folder
	Package string
	Version string
}

// All are the tools at the versions that signgate is held against.
func All() []Tool {
	return []Tool{
		{"cosign", "github.com/sigstore/cosign/v2/cmd/cosign", "v2.6.5"},
		{"cosign-v3", "github.com/sigstore/cosign/v3/cmd/cosign", "v3.1.3"},
		{"crane", "github.com/google/go-containerregistry/cmd/crane", "v0.20.7"},
		{"helm", "helm.sh/helm/v3/cmd/helm", "v3.22.0"},
	}
}

// Build returns the path of a tool, building it where the cache has it not. say
// is told what is built and how long it took, since it can be minutes.
func Build(ctx context.Context, root, name string, say func(string)) (string, error) {
	for _, t := range All() {
		if t.Name == name {
			return t.build(ctx, filepath.Join(root, ".cache", "tools"), say)
		}
	}
	return "", fmt.Errorf("no tool %q", name)
}

func (t Tool) build(ctx context.Context, cache string, say func(string)) (string, error) {
	home := filepath.Join(cache, t.Name+"@"+t.Version)
	path := filepath.Join(home, t.Name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(home, "lock")) // two test packages may ask at once
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	say(fmt.Sprintf("building %s %s", t.Package, t.Version))
	start := time.Now()
	cmd := exec.CommandContext(ctx, "go", "install", "-ldflags=-s -w", t.Package+"@"+t.Version)
	cmd.Dir = home // outside any module
	cmd.Env = append(os.Environ(), "GOBIN="+home, "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", t.Package, err, out)
	}
	built := filepath.Join(home, filepath.Base(t.Package)) // go install names it after the package's folder
	if built != path {
		if err := os.Rename(built, path); err != nil {
			return "", err
		}
	}
	say(fmt.Sprintf("built %s in %s", t.Name, time.Since(start).Round(time.Second)))
	return path, nil
}

// Root is the folder of the checkout that the working directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".golangci.yml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("not in a checkout of signgate")
		}
	}
}
