package gke

import (
	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
)

// Google reports the creation of a cluster in three stages, each with a total. These
// are their parts, in the order of the work.
const (
	configuring    = 8
	deploying      = 12
	healthchecking = 2
)

// reached is how many parts are done, of all stages together, once the process has
// said something. What Google checks last is not reported: a cluster is done with
// one of two checks.
func reached(stage string) int64 {
	switch stage {
	case "ca":
		return 2
	case "config":
		return 4
	case "process":
		return 6
	case "etcd":
		return configuring
	case "apiserver":
		return configuring + 4
	case "controllers":
		return configuring + 8
	case "node":
		return configuring + deploying
	case "ready":
		return configuring + deploying + healthchecking - 1
	}
	return 0
}

// progress shows the parts done as an operation does.
func progress(parts int64) *containerpb.OperationProgress {
	out := &containerpb.OperationProgress{}
	metric := func(name string, value int64) {
		out.Metrics = append(out.Metrics, &containerpb.OperationProgress_Metric{
			Name: name, Value: &containerpb.OperationProgress_Metric_IntValue{IntValue: value}})
	}
	for _, stage := range []struct {
		name  string
		total int64
	}{{"CLUSTER_CONFIGURING", configuring}, {"CLUSTER_DEPLOYING", deploying}, {"CLUSTER_HEALTHCHECKING", healthchecking}} {
		done := min(parts, stage.total)
		parts -= done
		metric(stage.name, done)
		metric(stage.name+"_TOTAL", stage.total)
	}
	return out
}

// upgraded is the progress of an upgrade of so many nodes that is done.
func upgraded(nodes int) *containerpb.OperationProgress {
	out := &containerpb.OperationProgress{}
	for _, metric := range []struct {
		name  string
		value int
	}{{"NODES_TOTAL", nodes}, {"NODES_FAILED", 0}, {"NODES_COMPLETE", nodes}, {"NODES_DONE", nodes}, {"NODE_PDB_DELAY_SECONDS", 0}} {
		out.Metrics = append(out.Metrics, &containerpb.OperationProgress_Metric{
			Name: metric.name, Value: &containerpb.OperationProgress_Metric_IntValue{IntValue: int64(metric.value)}})
	}
	return out
}

// report notes in an operation what the process has said. Progress only grows.
func (s *Service) report(op *operation, e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if parts := reached(e.Stage); parts > op.parts && op.pb.GetStatus() != containerpb.Operation_DONE {
		op.parts = parts
		op.pb.Progress, op.pb.Detail = progress(parts), detail(e.Stage)
	}
}

// detail says what comes next, for people.
func detail(stage string) string {
	switch stage {
	case "ca", "config", "process":
		return "Configuring the control plane"
	case "etcd", "apiserver", "controllers":
		return "Deploying the control plane and nodes"
	}
	return "Checking that the cluster is healthy"
}

// canonical is a gRPC code as conditions have it: the numbers are the same.
func canonical(c codes.Code) code.Code { return code.Code(c) }
