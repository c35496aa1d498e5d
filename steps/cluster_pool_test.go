package steps_test

import (
	"context"
	"net"
	"strings"
	"testing"

	gke "cloud.google.com/go/container/apiv1"
	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// poolKeeper is Kubernetes Engine with one cluster of somebody's, of whose node pools some come to fail.
type poolKeeper struct {
	containerpb.UnimplementedClusterManagerServer
	pool    *containerpb.NodePool // signgate's
	comes   containerpb.NodePool_Status
	deleted int
}

func (k *poolKeeper) GetCluster(context.Context, *containerpb.GetClusterRequest) (*containerpb.Cluster, error) {
	c := &containerpb.Cluster{Status: containerpb.Cluster_RUNNING}
	if k.pool != nil {
		c.NodePools = append(c.NodePools, k.pool)
	}
	return c, nil
}

func (k *poolKeeper) GetNodePool(context.Context, *containerpb.GetNodePoolRequest) (*containerpb.NodePool, error) {
	if k.pool == nil {
		return nil, status.Error(codes.NotFound, "Not found.")
	}
	return k.pool, nil
}

func (k *poolKeeper) CreateNodePool(_ context.Context, r *containerpb.CreateNodePoolRequest) (*containerpb.Operation, error) {
	if k.pool != nil {
		return nil, status.Error(codes.AlreadyExists, "Already exists.")
	}
	k.pool = proto.CloneOf(r.GetNodePool())
	k.pool.Status = k.comes
	return &containerpb.Operation{Name: "operation-1"}, nil
}

func (k *poolKeeper) DeleteNodePool(context.Context, *containerpb.DeleteNodePoolRequest) (*containerpb.Operation, error) {
	k.pool = nil
	k.deleted++
	return &containerpb.Operation{Name: "operation-2"}, nil
}

func (k *poolKeeper) GetOperation(context.Context, *containerpb.GetOperationRequest) (*containerpb.Operation, error) {
	return &containerpb.Operation{Status: containerpb.Operation_DONE}, nil
}

// step is the cluster's, over this Kubernetes Engine.
func (k *poolKeeper) step(t *testing.T, a state.Answers) engine.Step {
	t.Helper()
	listener, server := bufconn.Listen(1<<20), grpc.NewServer()
	containerpb.RegisterClusterManagerServer(server, k)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///pools", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	client, err := gke.NewClusterManagerClient(t.Context(), option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	return stepOf(t, steps.List(a, &gcp.Clients{GKE: client}, steps.Options{}), "cluster")
}

// An attempt at a node pool that failed is deleted and made again; one that has been at work is a
// person's to look at. One that has lost its labels is not forgotten.
func TestNodePoolThatFailed(t *testing.T) {
	t.Parallel()
	k := &poolKeeper{comes: containerpb.NodePool_ERROR}
	a := state.Defaults()
	a.Project, a.ExistingCluster = "acme-demo", true
	store, err := state.Create(t.TempDir(), "pools", state.World{Kind: "sandbox"}, a)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	step, l := k.step(t, a), engine.NewLedger(store, "cluster", func(engine.Event) {})
	entry := func() state.Entry {
		return l.Entry(state.Resource{Kind: "container.nodePool", Name: steps.NamesOf(a).Cluster() + "/nodePools/signgate-pool"})
	}
	run := func(want engine.Action, problem string) {
		t.Helper()
		change, err := step.Inspect(t.Context(), l)
		if err != nil || change.Action != want {
			t.Fatalf("to be done: %+v, %v", change, err)
		}
		if want == engine.Blocked {
			err = change.Problem
		} else {
			err = step.Apply(t.Context(), change, l)
		}
		if (err == nil) != (problem == "") || err != nil && !strings.HasPrefix(explained(err), problem+":") {
			t.Fatalf("%s", explained(err))
		}
	}
	run(engine.Create, "pool-failed")
	k.comes = containerpb.NodePool_RUNNING
	run(engine.Create, "")
	if k.deleted != 1 || entry().Phase != state.Made {
		t.Errorf("%d deleted, the pool is %s", k.deleted, entry().Phase)
	}
	run(engine.None, "")

	k.pool.Status = containerpb.NodePool_ERROR
	run(engine.Blocked, "pool-failed")
	if k.deleted != 1 {
		t.Error("a pool that was made is deleted")
	}

	k.pool.Config.ResourceLabels = nil
	if err := step.Undo(t.Context(), l); err == nil || !strings.HasPrefix(explained(err), "cluster-unlabelled:") || entry().Phase != state.Made {
		t.Errorf("undone without labels: %v, it is %s", err, entry().Phase)
	}
	k.pool.Config.ResourceLabels = map[string]string{"managed-by": "signgate", "signgate-setup": "another"}
	if err := step.Undo(t.Context(), l); err != nil || k.deleted != 1 || entry().Phase != state.Found {
		t.Errorf("undone where it is another setup's: %v, it is %s", err, entry().Phase)
	}
}
