package gke

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/sandbox/iam"
)

// metrics are an operation's, as "8/8 4/12 0/2".
func metrics(op *containerpb.Operation) string {
	var all []string
	m := op.GetProgress().GetMetrics()
	for i := 0; i+1 < len(m); i += 2 {
		all = append(all, fmt.Sprintf("%d/%d", m[i].GetIntValue(), m[i+1].GetIntValue()))
	}
	return strings.Join(all, " ")
}

// What an operation reports is how far the process is; it can be given up meanwhile.
func TestStages(t *testing.T) {
	t.Parallel()
	for stage, want := range map[string]string{"etcd": "8/8 0/12 0/2", "apiserver": "8/8 4/12 0/2", "controllers": "8/8 8/12 0/2", "node": "8/8 12/12 0/2"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			w := open(t, Options{})
			name := "hangs-at-" + stage
			op, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: zone, Cluster: small(name)})
			check(t, err)
			full := zone + "/operations/" + op.GetName()
			until(t, "stage "+stage, func() bool {
				op, err = w.GetOperation(w.ctx, &containerpb.GetOperationRequest{Name: full})
				check(t, err)
				return metrics(op) == want
			})
			if c := w.get(t, zone, name); c.GetStatus() != containerpb.Cluster_PROVISIONING || op.GetStatus() != containerpb.Operation_RUNNING {
				t.Errorf("cluster %v, operation %v", c.GetStatus(), op.GetStatus())
			}
			_, err = w.ask(t, w.get(t, zone, name).GetEndpoint(), "hello")
			if err == nil || err.Error() != fmt.Sprintf("cluster %q is not up yet", name) {
				t.Errorf("dial: %v", err)
			}
			_, err = w.CancelOperation(w.ctx, &containerpb.CancelOperationRequest{Name: full})
			check(t, err)
			done := w.done(t, zone, op)
			if done.GetError().GetCode() != int32(codes.Canceled) || w.get(t, zone, name).GetStatus() != containerpb.Cluster_ERROR {
				t.Errorf("cancelled: %v", done)
			}
			pid := w.pids(t, w.get(t, zone, name).GetId())[0]
			until(t, "the end of its process", func() bool { return !alive(pid) })
		})
	}
}

// A cluster that cannot be made says why, and can be deleted.
func TestFailures(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	for name, words := range map[string]string{
		"fails-at-apiserver": "Cluster fails-at-apiserver could not be created: no room for apiserver.",
		"crashes-at-node":    "Cluster crashes-at-node could not be created: its process ended: exit status 3 (what it said is in ",
	} {
		op := w.create(t, zone, small(name))
		c := w.get(t, zone, name)
		if !strings.HasPrefix(op.GetError().GetMessage(), words) || op.GetError().GetCode() != int32(codes.Internal) {
			t.Errorf("%s: %v", name, op.GetError())
		}
		if c.GetStatus() != containerpb.Cluster_ERROR || c.GetConditions()[0].GetMessage() != op.GetError().GetMessage() {
			t.Errorf("%s: %v %v", name, c.GetStatus(), c.GetConditions())
		}
		if n := len(w.pids(t, c.GetId())); n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
		deletion, err := w.DeleteCluster(w.ctx, &containerpb.DeleteClusterRequest{Name: zone + "/clusters/" + name})
		check(t, err)
		if done := w.done(t, zone, deletion); done.GetError() != nil {
			t.Error(done)
		}
	}
}

func TestNoProgram(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "signgate-cluster")
	w := open(t, Options{Program: absent})
	op := w.create(t, zone, small("one"))
	if want := "Cluster one could not be created: " + absent + " is not there: make build makes it (about 15 CPU-minutes the first time)."; op.GetError().GetMessage() != want {
		t.Errorf("\n got %s\nwant %s", op.GetError().GetMessage(), want)
	}
	check(t, os.WriteFile(absent, nil, 0o600))
	if err := missing(absent); err == nil || !strings.Contains(err.Error(), "is no program that can be run") {
		t.Error(err)
	}
	if err := missing(""); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Error(err)
	}
}

// A process that dies is started again, and the cluster shows it.
func TestDeath(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("mortal"))
	c := w.get(t, zone, "mortal")
	_, _ = w.ask(t, c.GetEndpoint(), "die")
	until(t, "a second process", func() bool {
		return len(w.pids(t, c.GetId())) == 2 && w.get(t, zone, "mortal").GetStatus() == containerpb.Cluster_RUNNING
	})
	if answer, err := w.ask(t, c.GetEndpoint(), "hello"); answer != "mortal 1" {
		t.Errorf("the cluster says %q, %v", answer, err)
	}
	_, _ = w.ask(t, c.GetEndpoint(), "die for good")
	until(t, "a cluster that is degraded", func() bool {
		c = w.get(t, zone, "mortal")
		return c.GetStatus() == containerpb.Cluster_DEGRADED
	})
	if words := c.GetConditions()[0].GetMessage(); !strings.Contains(words, "its process ended: exit status 9") {
		t.Error(words)
	}
	if _, err := w.ask(t, c.GetEndpoint(), "hello"); err == nil || !strings.Contains(err.Error(), "has ended and is being started again") {
		t.Error(err)
	}
}

// The next sandbox finds clusters where they were, at the same addresses.
func TestRestart(t *testing.T) {
	t.Parallel()
	k, err := iam.New(iam.Options{})
	check(t, err)
	check(t, k.Enable(project, Host))
	dir := t.TempDir()
	first := startOn(t, k, Options{Dir: dir})
	first.create(t, zone, small("one"))
	first.create(t, montreal, small("hangs-no-more"))
	unfinished, err := first.CreateCluster(first.ctx, &containerpb.CreateClusterRequest{Parent: zone, Cluster: small("hangs-at-etcd")})
	check(t, err)
	before := first.get(t, zone, "one")
	pid := first.pids(t, before.GetId())[0]
	check(t, first.Close())
	if alive(pid) {
		t.Errorf("process %d outlives the sandbox", pid)
	}
	second := startOn(t, k, Options{Dir: dir})
	if answer, err := second.ask(t, before.GetEndpoint(), "hello"); answer != "one 1" {
		t.Errorf("the cluster that is being started says %q, %v", answer, err)
	}
	until(t, "clusters that run again", func() bool {
		a, b := second.get(t, zone, "one").GetStatus(), second.get(t, montreal, "hangs-no-more").GetStatus()
		for _, status := range []containerpb.Cluster_Status{a, b} {
			if status != containerpb.Cluster_RECONCILING && status != containerpb.Cluster_RUNNING {
				t.Fatal(status)
			}
		}
		return a == containerpb.Cluster_RUNNING && b == containerpb.Cluster_RUNNING
	})
	after := second.get(t, zone, "one")
	if after.GetEndpoint() != before.GetEndpoint() || after.GetMasterAuth().GetClusterCaCertificate() != before.GetMasterAuth().GetClusterCaCertificate() {
		t.Error("another endpoint or CA")
	}
	if answer, err := second.ask(t, after.GetEndpoint(), "hello"); answer != "one 1" {
		t.Errorf("the cluster says %q, %v", answer, err)
	}
	op, err := second.GetOperation(second.ctx, &containerpb.GetOperationRequest{Name: zone + "/operations/" + unfinished.GetName()})
	check(t, err)
	if op.GetStatus() != containerpb.Operation_RUNNING || second.get(t, zone, "hangs-at-etcd").GetStatus() != containerpb.Cluster_PROVISIONING {
		t.Errorf("the unfinished one: %v", op)
	}
}

func TestDamagedState(t *testing.T) {
	t.Parallel()
	k, err := iam.New(iam.Options{})
	check(t, err)
	for content, words := range map[string]string{"{": "is damaged", `{"version":9}`: "has version 9, this signgate knows 1"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "gke.json")
		check(t, os.WriteFile(file, []byte(content), 0o600))
		if _, err := New(k, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", content, err)
		}
		if now, _ := os.ReadFile(file); string(now) != content {
			t.Errorf("%s became %s", content, now)
		}
	}
}

// A process that does not end when it is asked to is ended, with what it started.
func TestStubborn(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.grace = 10 * time.Millisecond
	w.create(t, zone, small("stubborn"))
	c := w.get(t, zone, "stubborn")
	var child int
	until(t, "its child", func() bool {
		log, _ := os.ReadFile(filepath.Join(w.folder(c.GetId()), "process.log"))
		child, _ = strconv.Atoi(strings.Fields(string(log) + " 0")[0])
		return child != 0
	})
	pid := w.pids(t, c.GetId())[0]
	op, err := w.DeleteCluster(w.ctx, &containerpb.DeleteClusterRequest{Name: zone + "/clusters/stubborn"})
	check(t, err)
	w.done(t, zone, op)
	if alive(pid) {
		t.Errorf("process %d is left", pid)
	}
	until(t, "the end of its child", func() bool { return !alive(child) || zombie(child) })
}

// zombie says whether a process has ended and only waits to be taken notice of.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// Clusters' folders and files are for this user alone.
func TestPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gke")
	k, err := iam.New(iam.Options{})
	check(t, err)
	w := startOn(t, k, Options{Dir: dir})
	w.create(t, zone, small("one"))
	check(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && filepath.Base(path) != "starts" {
			return errors.New(path + " may be read by others: " + info.Mode().String())
		}
		return nil
	}))
}

func TestPace(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1000, 0)
	p := pace{begun: begun, least: 10 * time.Second}
	for passed, want := range map[time.Duration]int64{-time.Second: 0, 0: 0, time.Second: 2, 5 * time.Second: 11, 9 * time.Second: 19, 10 * time.Second: 22, time.Hour: 22} {
		if got := p.allowed(22, begun.Add(passed)); got != want {
			t.Errorf("after %v: %d, want %d", passed, got, want)
		}
	}
	if got := (pace{begun: begun}).allowed(22, begun); got != 22 {
		t.Errorf("without a pace: %d", got)
	}
	if real := Real(0.5); real.Create != 3*time.Minute {
		t.Error(real)
	}
}
