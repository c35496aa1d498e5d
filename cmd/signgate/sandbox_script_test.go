package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
)

// scriptCommands are what scripts can say besides the usual.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"kill9":    kill9,
		"gone":     gone,
		"mode":     mode,
		"occupy":   occupy,
		"children": children,
		"none":     none,
		"running":  running,
		"tool":     tool,
		"setup":    setupNames,
		"setfield": setField,
	}
}

// endSandboxes stops every sandbox below a folder, so that no script leaves one behind.
func endSandboxes(t *testing.T, below string) {
	ctx, cancel := context.WithTimeout(context.Background(), waitAtMost)
	defer cancel()
	err := filepath.WalkDir(below, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "sandbox.json" {
			return nil // a folder that vanishes meanwhile
		}
		r, err := sandbox.Await(ctx, filepath.Dir(path))
		if errors.Is(err, sandbox.ErrDown) {
			return sandbox.Sweep(ctx, filepath.Dir(path))
		}
		if err != nil {
			return err
		}
		return r.Stop(ctx)
	})
	if err != nil {
		t.Errorf("end the script's sandboxes: %v", err)
	}
}

// recorded reads sandbox.json of a state folder.
func recorded(ts *testscript.TestScript, state string) string {
	return ts.ReadFile(filepath.Join(state, "sandbox", "sandbox.json"))
}

// field takes one value out of a JSON object as it is printed, a field a line.
func field(ts *testscript.TestScript, text, name string) string {
	_, rest, ok := strings.Cut(text, `"`+name+`":`)
	if !ok {
		ts.Fatalf("no field %q in %s", name, text)
	}
	return strings.Trim(strings.TrimSpace(rest[:strings.IndexAny(rest, ",}\n")]), `"`)
}

// setfield VARIABLE FIELD FILE: a variable from a field of a JSON file.
func setField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || neg {
		ts.Fatalf("usage: setfield VARIABLE FIELD FILE")
	}
	ts.Setenv(args[0], field(ts, ts.ReadFile(args[2]), args[1]))
}

// kill9 STATE: the sandbox's process is killed, as by the kernel.
func kill9(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := strconv.Atoi(field(ts, recorded(ts, args[0]), "pid"))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
	until(ts, func() bool { return syscall.Kill(pid, 0) != nil || zombie(pid) && threads(pid) < 2 })
}

// threads counts those that are left of a process: as long as there are others than the
// first, its ports are not free.
func threads(pid int) int {
	tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	return len(tasks)
}

// gone PID|ADDRESS: no such process, or nobody listens there.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	there := func() bool {
		if pid, err := strconv.Atoi(args[0]); err == nil {
			return syscall.Kill(pid, 0) == nil && !zombie(pid)
		}
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(args[0], "http://"), time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	if there() != neg {
		ts.Fatalf("%s: there is %v", args[0], there())
	}
}

// zombie says that a process has ended and its parent has not looked.
func zombie(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(data), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}

func until(ts *testscript.TestScript, done func() bool) {
	for end := time.Now().Add(waitAtMost); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("it did not happen in time")
		}
	}
}

// mode MODE FILE…: the files' permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); (got == args[0]) == neg {
			ts.Fatalf("%s has mode %s", file, got)
		}
	}
}

// occupy PORTFILE: another program listens on a port, until the script ends, and the
// file says that it was the sandbox's.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(port+"\n"), 0o600))
	ts.Setenv("OCCUPIED", port)
}

// children STATE: CHILDREN are the processes that the sandbox has started, and what they did.
func children(ts *testscript.TestScript, neg bool, args []string) {
	root := field(ts, recorded(ts, args[0]), "pid")
	parents := map[string]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if _, rest, ok := strings.Cut(string(data), ") "); err == nil && ok {
			parents[filepath.Base(filepath.Dir(path))] = strings.Fields(rest)[1]
		}
	}
	var all []string
	for pid := range parents {
		for p := parents[pid]; p != ""; p = parents[p] {
			if p == root {
				all = append(all, pid)
			}
		}
	}
	if len(all) == 0 {
		ts.Fatalf("the sandbox (%s) has no processes", root)
	}
	ts.Setenv("CHILDREN", strings.Join(all, ","))
}

// none PID,PID…: all these processes have ended.
func none(ts *testscript.TestScript, neg bool, args []string) {
	for _, pid := range strings.Split(args[0], ",") {
		gone(ts, false, []string{pid})
	}
}

// running STATE: waits until all clusters run.
func running(ts *testscript.TestScript, neg bool, args []string) {
	until(ts, func() bool {
		r, err := sandbox.Find(context.Background(), ts.MkAbs(filepath.Join(args[0], "sandbox")))
		if err != nil || len(r.Status.Clusters) == 0 {
			return false
		}
		for _, c := range r.Status.Clusters {
			if c.Status != "RUNNING" {
				return false
			}
		}
		return true
	})
}

// tool NAME: a program of others, unmodified, built where it is not yet; its path is in the variable NAME.
func tool(ts *testscript.TestScript, neg bool, args []string) {
	root, err := tools.Root()
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	path, err := tools.Build(ctx, root, args[0], func(s string) { ts.Logf("%s", s) })
	ts.Check(err)
	ts.Setenv(strings.ToUpper(args[0]), path)
}

// setup KEY IMAGE: the key and the signed image of the only setup, as cosign and crane
// take them; NAME is the image's without its digest.
func setupNames(ts *testscript.TestScript, neg bool, args []string) {
	files, _ := filepath.Glob(filepath.Join(ts.Getenv("SIGNGATE_STATE_DIR"), "sandbox", "setups", "*", "record.json"))
	if len(files) != 1 {
		ts.Fatalf("%d setups", len(files))
	}
	var f struct {
		Record struct {
			Answers struct{ Project, Region, KeyRing, Key, Repository, Image string }
			Pins    map[string]string
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(files[0])), &f))
	a, pins := f.Record.Answers, f.Record.Pins
	name := fmt.Sprintf("%s-docker.pkg.dev/%s/%s/%s", a.Region, a.Project, a.Repository, a.Image)
	ts.Setenv("NAME", name)
	ts.Setenv(args[0], fmt.Sprintf("gcpkms://projects/%s/locations/%s/keyRings/%s/cryptoKeys/%s/cryptoKeyVersions/%s", a.Project, a.Region, a.KeyRing, a.Key, pins["key-version"]))
	ts.Setenv(args[1], name+"@"+pins["image-digest"])
}
