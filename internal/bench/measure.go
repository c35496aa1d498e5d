package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/creack/pty"
)

// signgate is a command line of the binary under test, on the bench's own state folder.
func (b *bench) signgate(args ...string) *exec.Cmd {
	return b.command(b.bin+"/signgate", append(args, "--state-dir", b.state)...)
}

func (b *bench) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = b.state
	return cmd
}

// inSandbox is an unmodified program in the sandbox's environment, started
// without a wrapper process so that only its own time counts.
func (b *bench) inSandbox(name string, args ...string) (*exec.Cmd, error) {
	env, err := b.environ()
	if err != nil {
		return nil, err
	}
	cmd := b.command(name, args...)
	cmd.Env = env
	return cmd, nil
}

// environ is what `sandbox run` gives a program to find its way.
func (b *bench) environ() ([]string, error) {
	out, err := b.command(b.bin+"/signgate", "sandbox", "run", "--state-dir", b.state, "--", "/usr/bin/env", "-0").Output()
	if err != nil {
		return nil, fmt.Errorf("environment of the sandbox: %w", said(err))
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), nil
}

// took runs a command to its end and returns its wall time.
func took(cmd *exec.Cmd) (time.Duration, error) {
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return time.Since(start), nil
}

// said adds what a failed command wrote to its error.
func said(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}

// pair times two kinds of run in turn, A B A B …, after one of each that does
// not count, and returns the medians.
func (b *bench) pair(one, other func() (time.Duration, error)) (time.Duration, time.Duration, error) {
	var ones, others []time.Duration
	for i := range b.runs + 1 {
		t1, err := one()
		if err != nil {
			return 0, 0, err
		}
		t2, err := other()
		if err != nil {
			return 0, 0, err
		}
		if i > 0 {
			ones, others = append(ones, t1), append(others, t2)
		}
	}
	return median(ones), median(others), nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// firstBytes starts a command in a pseudo-terminal that answers no query and
// returns how long it took until want was on its screen.
func firstBytes(cmd *exec.Cmd, want string) (time.Duration, error) {
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	start := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		return 0, err
	}
	defer func() { cmd.Process.Kill(); tty.Close(); _ = cmd.Wait() }()
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := tty.Read(buf)
		seen.Write(buf[:n])
		if bytes.Contains(seen.Bytes(), []byte(want)) {
			return time.Since(start), nil
		}
		if err != nil {
			return 0, fmt.Errorf("%q never appeared; the screen got %q", want, seen.String())
		}
	}
}

// processes lists a process and all that descend from it (Linux).
func processes(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := stat(pid); f != nil {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// stat gives the fields of /proc/PID/stat after the command's name: state, parent, …
func stat(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}

// pss is the proportional set size of processes in KiB (smaps_rollup).
func pss(pids []int) (kib int64) {
	for _, pid := range pids {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				kib += n
			}
		}
	}
	return kib
}

// ticks is the processor time of processes, in ticks of 10 ms (USER_HZ is 100).
func ticks(pids []int) (n int64) {
	for _, pid := range pids {
		f := stat(pid)
		if f == nil {
			continue
		}
		for _, at := range []int{11, 12} { // utime, stime
			t, _ := strconv.ParseInt(f[at], 10, 64)
			n += t
		}
	}
	return n
}
