package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/tools"
)

// start: how soon something is on the screen.
func (b *bench) start() error {
	helm, err := tools.Build(b.ctx, b.root, "helm", say)
	if err != nil {
		return err
	}
	help := func() (time.Duration, error) { return took(b.command(b.bin+"/signgate", "--help")) }
	theirs := func() (time.Duration, error) { return took(b.command(helm, "--help")) }
	one, other, err := b.pair(help, theirs)
	if err != nil {
		return err
	}
	figure("signgate --help", ms(one), fmt.Sprintf("helm --help %s, ratio %.2f (at most 1.00)", ms(other), ratio(one, other)))
	if _, err := took(b.signgate("sandbox", "up")); err != nil {
		return err
	}
	frame := func() (time.Duration, error) { return firstBytes(b.signgate("--sandbox"), "signgate") }
	if one, other, err = b.pair(frame, theirs); err != nil {
		return err
	}
	figure("wizard: exec to first frame", ms(one), fmt.Sprintf("helm --help %s, difference %s (at most 50 ms)", ms(other), ms(one-other)))
	_, err = took(b.signgate("sandbox", "down"))
	return err
}

// inits: the packages that are dearest to initialise.
func (b *bench) inits() error {
	cmd := b.command(b.bin+"/signgate", "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		return err
	}
	lines := regexp.MustCompile(`init (\S+) @\S+ ms, (\S+) ms clock`).FindAllStringSubmatch(trace.String(), -1)
	cost := func(m []string) float64 { t, _ := strconv.ParseFloat(m[2], 64); return t }
	slices.SortFunc(lines, func(a, b []string) int { return int(1000 * (cost(b) - cost(a))) })
	for _, m := range lines[:min(5, len(lines))] {
		figure("package init", m[2]+" ms", m[1])
	}
	return nil
}

// engine: benchmarks that run in process, as the test runner prints them.
func (b *bench) engine() error {
	return b.inProcess(map[string]string{
		"ThousandSteps": "a thousand steps of no cost, planned and run (at most 10 ms/1000-events, memory flat)",
		"Save":          "ten times a real record, synced (at most 5 ms/median)",
	}, "./internal/engine", "./state")
}

// sandbox: the Google Cloud alone, without a cluster.
func (b *bench) sandbox() error {
	return b.inProcess(map[string]string{
		"Start":  "the sandbox in process, without a cluster (at most 50 ms)",
		"Sign":   "one KMS signature over TLS through the proxy (at most 3 ms)",
		"Calls":  "half gRPC, half REST, clients in the same process (at least 1000 a second)",
		"Memory": "grown over",
	}, "./sandbox")
}

// inProcess runs the benchmarks of packages.
func (b *bench) inProcess(against map[string]string, packages ...string) error {
	cmd := b.command("go", append([]string{"test", "-run=^$", "-bench=.", "-benchtime=20x"}, packages...)...)
	cmd.Dir = b.root
	out, err := cmd.Output()
	if err != nil {
		return said(err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasPrefix(f[0], "Benchmark") {
			name, _, _ := strings.Cut(strings.TrimPrefix(f[0], "Benchmark"), "-")
			figure(name, strings.Join(f[2:4], " "), strings.TrimSpace(against[name]+" "+strings.Join(f[4:], " ")))
		}
	}
	return nil
}

// flow: from nothing running to the last verdict, and a second apply.
func (b *bench) flow() error {
	first, err := took(b.signgate("apply", "--yes", "--sandbox"))
	if err != nil {
		return err
	}
	figure("apply --yes --sandbox, nothing to last verdict", fmt.Sprintf("%.1f s", first.Seconds()), fmt.Sprintf("on %d cores (at most 12 s on 2)", runtime.NumCPU()))
	again, err := took(b.signgate("apply", "--yes", "--sandbox"))
	if err != nil {
		return err
	}
	figure("apply again, nothing to do", ms(again), fmt.Sprintf("the first run, ratio %.3f", ratio(again, first)))
	return nil
}

// footprint: memory and idle processor time of the whole sandbox with its cluster.
func (b *bench) footprint() error {
	out, err := b.signgate("sandbox", "status", "--output", "json").Output()
	if err != nil {
		return said(err)
	}
	var s struct{ PID int }
	if err := json.Unmarshal(out, &s); err != nil || s.PID == 0 {
		return fmt.Errorf("status says no process: %s", out)
	}
	const window = 20 * time.Second
	pids := processes(s.PID)
	before, start := ticks(pids), time.Now()
	select {
	case <-time.After(window):
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	used := float64(ticks(pids)-before) / 100 / time.Since(start).Seconds()
	figure("memory of the sandbox with its cluster", fmt.Sprintf("%.0f MiB PSS", float64(pss(pids))/1024), fmt.Sprintf("%d processes (at most 600 MiB)", len(pids)))
	figure("processor time when idle", fmt.Sprintf("%.1f %% of a core", used*100), fmt.Sprintf("over %s (at most 5 %%)", window))
	return nil
}

// sign: one more image signed with the setup's key, by us and by cosign.
func (b *bench) sign() error {
	cosign, err := tools.Build(b.ctx, b.root, "cosign", say)
	if err != nil {
		return err
	}
	crane, err := tools.Build(b.ctx, b.root, "crane", say)
	if err != nil {
		return err
	}
	rec, err := b.record()
	if err != nil {
		return err
	}
	n := 0
	fresh := func() (string, error) { // each run signs an image that was never signed
		n++
		cmd, err := b.inSandbox(crane, "mutate", rec.image+"@"+rec.digest, "--label", fmt.Sprintf("bench=%d", n), "-t", fmt.Sprintf("%s:bench-%d", rec.image, n))
		if err != nil {
			return "", err
		}
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), said(err)
	}
	signed := func(command func(image string) (*exec.Cmd, error)) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			image, err := fresh()
			if err != nil {
				return 0, err
			}
			cmd, err := command(image)
			if err != nil {
				return 0, err
			}
			return took(cmd)
		}
	}
	ours := func(more ...string) func() (time.Duration, error) {
		return signed(func(image string) (*exec.Cmd, error) {
			return b.signgate(append([]string{"sign", "--sandbox", image}, more...)...), nil
		})
	}
	one, other, err := b.pair(
		ours("--try=false"), // which is what cosign does
		signed(func(image string) (*exec.Cmd, error) {
			return b.inSandbox(cosign, "sign", "--yes", "--tlog-upload=false", "--key", rec.key, image)
		}))
	if err != nil {
		return err
	}
	figure("signgate sign --try=false IMAGE", ms(one), fmt.Sprintf("cosign sign %s, ratio %.2f (at most 1.00)", ms(other), ratio(one, other)))
	asked, alone, err := b.pair(ours(), ours("--try=false"))
	if err != nil {
		return err
	}
	figure("signgate sign IMAGE", ms(asked), fmt.Sprintf("which asks the cluster about it, too; without that %s, ratio %.2f; to cosign's above %.2f", ms(alone), ratio(asked, alone), ratio(asked, other)))
	return nil
}

// recorded is what the rows need of the finished setup.
type recorded struct{ image, digest, key string }

// record reads names from the setup's record.
func (b *bench) record() (recorded, error) {
	files, _ := filepath.Glob(filepath.Join(b.state, "sandbox", "setups", "*", "record.json"))
	if len(files) != 1 {
		return recorded{}, fmt.Errorf("%d setups on record, want one (run the row flow first)", len(files))
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return recorded{}, err
	}
	var f struct {
		Record struct {
			Answers struct{ Project, Region, KeyRing, Key, Repository, Image string }
			Pins    map[string]string
		}
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return recorded{}, err
	}
	a := f.Record.Answers
	return recorded{
		image:  fmt.Sprintf("%s-docker.pkg.dev/%s/%s/%s", a.Region, a.Project, a.Repository, a.Image),
		digest: f.Record.Pins["image-digest"],
		key: fmt.Sprintf("gcpkms://projects/%s/locations/%s/keyRings/%s/cryptoKeys/%s/cryptoKeyVersions/%s",
			a.Project, a.Region, a.KeyRing, a.Key, f.Record.Pins["key-version"]),
	}, nil
}

// controller: the chart installed and ready, by us and by helm, on one cluster with nothing else going on.
func (b *bench) controller() error {
	helm, err := tools.Build(b.ctx, b.root, "helm", say)
	if err != nil {
		return err
	}
	if _, err := took(b.signgate("sandbox", "reset", "--yes")); err != nil {
		return err
	}
	if _, err := took(b.signgate("apply", "--yes", "--sandbox", "--to", "cluster")); err != nil {
		return err
	}
	c, err := b.cluster(helm)
	if err != nil {
		return err
	}
	timed := func(cmd func() *exec.Cmd) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			t, err := took(cmd())
			if err != nil {
				return 0, err
			}
			return t, c.clear()
		}
	}
	mine := timed(func() *exec.Cmd { return b.signgate("apply", "--yes", "--sandbox", "--to", "controller") })
	theirs := timed(func() *exec.Cmd {
		return c.run("install", "policy-controller", "policy-controller", "--repo", "https://sigstore.github.io/helm-charts",
			"--version", "0.10.6", "-n", controllerNamespace, "--create-namespace", "--set", "webhook.extraArgs.disable-tuf=true", "--wait")
	})
	one, other, err := b.pair(mine, theirs)
	if err != nil {
		return err
	}
	figure("controller step alone", ms(one), fmt.Sprintf("helm install --wait %s, ratio %.2f (at most 1.00)", ms(other), ratio(one, other)))
	return nil
}

// build: all binaries with an empty build cache; the module cache stays.
func (b *bench) build() error {
	cache, err := os.MkdirTemp("", "signgate-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	say("cold build: some minutes")
	cmd := exec.CommandContext(b.ctx, "make", "build", "BIN="+filepath.Join(cache, "bin"))
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(cache, "go"))
	t, err := took(cmd)
	if err != nil {
		return err
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	figure("cold make build", fmt.Sprintf("%.1f CPU-minutes", cpu.Minutes()), fmt.Sprintf("%.1f minutes of wall time on %d cores (at most 22 CPU-minutes)", t.Minutes(), runtime.NumCPU()))
	return nil
}
