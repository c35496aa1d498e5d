package main

import (
	"os"
	"testing"
	"time"
)

// A program that has started the sandbox keeps nothing of it when it ends: its number would be that of a process
// that still runs, to whoever waits for its end.
func TestDaemonReaped(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system does not show its processes")
	}
	dir := t.TempDir()
	a := &app{streams: streams{Out: t.Output(), Err: t.Output()}, env: readEnviron(append(os.Environ(), "SIGNGATE_BIN="+folderOfPrograms(t))), stateDir: dir}
	t.Cleanup(func() { endSandboxes(t, dir) })
	r, started, err := a.ensureSandbox(t.Context())
	if err != nil || !started {
		t.Fatal(started, err)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(10 * time.Second); zombie(r.Status.PID); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("it has ended, and nobody has looked")
		}
	}
}
