package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// silence stops the program that is the sandbox's cluster: connections are still taken, and
// nobody answers.
func (b *bench) silence() {
	b.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	b.must(err)
	for _, file := range all {
		words, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(words, []byte("signgate-cluster")) || !bytes.Contains(words, []byte(b.dir)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		b.must(err)
		b.must(syscall.Kill(pid, syscall.SIGSTOP))
		b.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) }) // it may be gone
		return
	}
	b.Fatal("there is no cluster to be silenced")
}

// A cluster that answers no more holds nothing up where it goes itself, and is asked only once.
func TestDestroyOfAClusterThatIsSilent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "enforcement")
	b.silence()
	start := time.Now()
	b.says(b.ends(exitDone, "destroy", "--yes"), "enforcement  this goes with the cluster", "policy       this goes with the cluster", "controller   this goes with the cluster")
	if took := time.Since(start); took > 4*time.Minute {
		t.Errorf("it took %s", took)
	}
	b.nothingLeft()
}

// In somebody else's cluster nothing of ours is forgotten.
func TestDestroyInASilentClusterOfSomebody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--existing-cluster", "--to", "identity")
	b.somebodysCluster()
	b.ends(exitDone, "apply", "--yes", "--existing-cluster", "--to", "controller")
	b.silence()
	b.says(b.ends(exitFailed, "destroy", "--yes"), "failed    controller")
	for _, e := range b.record().Entries {
		if e.Step == "controller" && !e.Ours() {
			t.Errorf("%s %s is %s", e.Kind, e.Name, e.Phase)
		}
	}
}
