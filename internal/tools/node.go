package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// NodeModules installs the npm packages of a lock file into the cache, where it has them
// not, and returns the folder for NODE_PATH. No package's own scripts are run.
func NodeModules(ctx context.Context, root, dir string, say func(string)) (string, error) {
	lockfile, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(lockfile, manifest...))
	home := filepath.Join(root, ".cache", "tools", "node@"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(home, "lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock()
	modules, whole := filepath.Join(home, "node_modules"), filepath.Join(home, "whole")
	if _, err := os.Stat(whole); err == nil {
		return modules, nil
	}
	for name, data := range map[string][]byte{"package-lock.json": lockfile, "package.json": manifest} {
		if err := os.WriteFile(filepath.Join(home, name), data, 0o644); err != nil {
			return "", err
		}
	}
	start := time.Now()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	say(fmt.Sprintf("installed %s in %s", dir, time.Since(start).Round(time.Second)))
	return modules, os.WriteFile(whole, nil, 0o644)
}
