package control

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	cmapp "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	cmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	schedapp "k8s.io/kubernetes/cmd/kube-scheduler/app"
	schedoptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// controllers are those that the sandbox's workloads meet. Left out: volumes
// and attachments (the node has no disks to give), certificates, autoscaling,
// and what a cloud's own controllers do.
func controllers() string {
	return strings.Join([]string{
		"serviceaccount-token-controller", "serviceaccount-controller", "root-ca-certificate-publisher-controller",
		"namespace-controller", "garbage-collector-controller", "pod-garbage-collector-controller",
		"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller",
		"replicationcontroller-controller", "job-controller", "cronjob-controller", "ttl-after-finished-controller",
		"endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller",
		"disruption-controller", "resourcequota-controller", "clusterrole-aggregation-controller",
		"node-lifecycle-controller", "taint-eviction-controller", "validatingadmissionpolicy-status-controller",
	}, ",")
}

// controllerOptions are read before the API server's: upstream's two flag
// sets share feature gates, and only this order is allowed.
func (p *Plane) controllerOptions() (*cmoptions.KubeControllerManagerOptions, error) {
	s, err := cmoptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, fmt.Errorf("controllers: %w", err)
	}
	flags := s.Flags(cmapp.KnownControllers(), cmapp.ControllersDisabledByDefault(), cmapp.ControllerAliases())
	set := pflag.NewFlagSet("kube-controller-manager", pflag.ContinueOnError)
	for _, f := range flags.FlagSets {
		set.AddFlagSet(f)
	}
	if err := set.Parse([]string{
		"--kubeconfig=" + p.etc("controllers.kubeconfig"),
		"--controllers=" + controllers(),
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + p.pki("accounts.key"),
		"--root-ca-file=" + p.Config.CACert,
		"--cluster-cidr=" + p.Config.PodCIDR,
		"--allocate-node-cidrs=false",
		"--profiling=false",
		"--min-resync-period=12h",
		"--node-monitor-period=10s",
		"--node-monitor-grace-period=120s",
		"--kube-api-qps=200", "--kube-api-burst=400",
		"--controller-start-interval=0s",
		"--concurrent-deployment-syncs=2", "--concurrent-replicaset-syncs=2", "--concurrent-gc-syncs=4",
		"--concurrent-namespace-syncs=2", "--concurrent-endpoint-syncs=2", "--concurrent-service-endpoint-syncs=2",
	}); err != nil {
		return nil, fmt.Errorf("controllers: %w", err)
	}
	return s, nil
}

// startControllers runs the controller manager without leader election: there
// is one. It listens nowhere.
func (p *Plane) startControllers(ctx context.Context, s *cmoptions.KubeControllerManagerOptions) error {
	c, err := s.Config(ctx, cmapp.KnownControllers(), cmapp.ControllersDisabledByDefault(), cmapp.ControllerAliases())
	if err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	go func() { p.report(ctx, "controllers", cmapp.Run(ctx, c.Complete())) }()
	return nil
}

// startScheduler runs the scheduler, as the controllers are run.
func (p *Plane) startScheduler(ctx context.Context) error {
	s := schedoptions.NewOptions()
	set := pflag.NewFlagSet("kube-scheduler", pflag.ContinueOnError)
	for _, f := range s.Flags.FlagSets {
		set.AddFlagSet(f)
	}
	if err := set.Parse([]string{
		"--kubeconfig=" + p.etc("scheduler.kubeconfig"),
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
	}); err != nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	c, sched, err := schedapp.Setup(ctx, s)
	if err != nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	go func() { p.report(ctx, "scheduler", schedapp.Run(ctx, c, sched)) }()
	return nil
}
