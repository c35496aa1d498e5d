//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
)

const (
	project  = "acme-demo"
	zone     = "projects/acme-demo/locations/us-central1-a"
	montreal = "projects/acme-demo/locations/northamerica-northeast1"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is Kubernetes Engine with the fake cluster program, called as the owner.
type world struct {
	*Service
	k   *iam.IAM
	ctx context.Context
	opt Options
}

func open(t testing.TB, o Options) *world {
	t.Helper()
	k, err := iam.New(iam.Options{})
	check(t, err)
	check(t, k.Enable(project, Host))
	return startOn(t, k, o)
}

func startOn(t testing.TB, k *iam.IAM, o Options) *world {
	t.Helper()
	if o.Program == "" {
		program, err := os.Executable()
		check(t, err)
		o.Program = program
	}
	s, err := New(k, o)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	_, err = s.Handlers()
	check(t, err)
	return &world{Service: s, k: k, ctx: iam.NewContext(context.Background(), iam.Caller{Email: iam.Owner, Member: "user:" + iam.Owner, Scopes: []string{cloudPlatform}}), opt: o}
}

// small is a cluster of one node, as a request has it.
func small(name string) *containerpb.Cluster {
	return &containerpb.Cluster{Name: name, InitialNodeCount: 1}
}

func (w *world) create(t testing.TB, parent string, c *containerpb.Cluster) *containerpb.Operation {
	t.Helper()
	op, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: parent, Cluster: c})
	check(t, err)
	return w.done(t, parent, op)
}

// done waits for an operation.
func (w *world) done(t testing.TB, parent string, op *containerpb.Operation) *containerpb.Operation {
	t.Helper()
	var out *containerpb.Operation
	until(t, "operation "+op.GetName(), func() bool {
		var err error
		out, err = w.GetOperation(w.ctx, &containerpb.GetOperationRequest{Name: parent + "/operations/" + op.GetName()})
		check(t, err)
		return out.GetStatus() == containerpb.Operation_DONE
	})
	return out
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(limit) {
			t.Fatalf("%s: not within 30 seconds", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *world) get(t testing.TB, parent, name string) *containerpb.Cluster {
	t.Helper()
	c, err := w.GetCluster(w.ctx, &containerpb.GetClusterRequest{Name: parent + "/clusters/" + name})
	check(t, err)
	return c
}

// ask says something to a cluster through its endpoint and returns the answer.
func (w *world) ask(t testing.TB, endpoint, what string) (string, error) {
	t.Helper()
	conn, err := w.Dial(w.ctx, net.JoinHostPort(endpoint, "443"))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	fmt.Fprintln(conn, what)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

// pids are the processes that a cluster's folder tells of, oldest first.
func (w *world) pids(t testing.TB, uid string) []int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.folder(uid), "starts"))
	check(t, err)
	var all []int
	for line := range strings.Lines(string(data)) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		check(t, err)
		all = append(all, pid)
	}
	return all
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestLife(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	op := w.create(t, zone, small("one"))
	if op.GetError() != nil || op.GetOperationType() != containerpb.Operation_CREATE_CLUSTER {
		t.Fatalf("operation: %v", op)
	}
	var progress []string
	for _, m := range op.GetProgress().GetMetrics() {
		progress = append(progress, fmt.Sprint(m.GetName(), " ", m.GetIntValue()))
	}
	want := "CLUSTER_CONFIGURING 8, CLUSTER_CONFIGURING_TOTAL 8, CLUSTER_DEPLOYING 12, CLUSTER_DEPLOYING_TOTAL 12, CLUSTER_HEALTHCHECKING 1, CLUSTER_HEALTHCHECKING_TOTAL 2"
	if got := strings.Join(progress, ", "); got != want {
		t.Errorf("progress\n got %s\nwant %s", got, want)
	}
	c := w.get(t, zone, "one")
	if c.GetStatus() != containerpb.Cluster_RUNNING || c.GetNodePools()[0].GetStatus() != containerpb.NodePool_RUNNING {
		t.Errorf("status %v, pool %v", c.GetStatus(), c.GetNodePools()[0].GetStatus())
	}
	if answer, err := w.ask(t, c.GetEndpoint(), "hello"); answer != "one 1" {
		t.Errorf("the cluster says %q, %v", answer, err)
	}
	pid := w.pids(t, c.GetId())[0]
	deletion, err := w.DeleteCluster(w.ctx, &containerpb.DeleteClusterRequest{Name: zone + "/clusters/one"})
	check(t, err)
	if done := w.done(t, zone, deletion); done.GetError() != nil {
		t.Fatal(done)
	}
	if alive(pid) {
		t.Errorf("process %d is left", pid)
	}
	if _, err := os.Stat(w.folder(c.GetId())); err == nil {
		t.Error("its folder is left")
	}
	_, err = w.GetCluster(w.ctx, &containerpb.GetClusterRequest{Name: zone + "/clusters/one"})
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "Not found: projects/acme-demo/zones/us-central1-a/clusters/one." {
		t.Errorf("after deletion: %v", err)
	}
}
