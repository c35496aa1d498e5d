// Command signgate-cluster is one Kubernetes cluster of the sandbox in one
// process: etcd, the API server, the controllers, the scheduler and the
// nodes. The sandbox starts it and talks to it by one JSON object a line on
// its standard output.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/component-base/version"

	"github.com/signgate/signgate/sandbox/cluster/isolate"
)

const usage = `usage: signgate-cluster run --config FILE
       signgate-cluster version

The sandbox starts it: signgate sandbox up, then create a cluster.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	switch {
	case len(args) == 3 && args[0] == "run" && args[1] == "--config":
		return cluster(ctx, args[2], os.Stdin, os.Stdout)
	case len(args) == 1 && args[0] == isolate.Verb: // started by this program itself
		fmt.Fprintln(os.Stderr, isolate.Enter())
		return 126
	case len(args) == 1 && args[0] == "version":
		fmt.Println(version.Get().GitVersion)
		return 0
	}
	fmt.Fprint(os.Stderr, usage)
	return 2
}
