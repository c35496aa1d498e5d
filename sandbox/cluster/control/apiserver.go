package control

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiserverFlags is how this API server differs from one without flags.
func (p *Plane) apiserverFlags() []string {
	return []string{
		"--etcd-servers=unix://" + p.sock("etcd"),
		"--etcd-compaction-interval=0", // etcd compacts by revision itself
		"--etcd-count-metric-poll-period=0",
		"--etcd-healthcheck-timeout=10s",
		"--watch-cache=true",
		"--advertise-address=" + p.Config.Endpoint,
		"--service-cluster-ip-range=" + p.Config.ServiceCIDR,
		"--endpoint-reconciler-type=master-count",
		"--tls-cert-file=" + p.pki("apiserver.crt"),
		"--tls-private-key-file=" + p.pki("apiserver.key"),
		"--client-ca-file=" + p.Config.CACert,
		"--kubelet-client-certificate=" + p.pki("apiserver-kubelet.crt"),
		"--kubelet-client-key=" + p.pki("apiserver-kubelet.key"),
		"--kubelet-certificate-authority=" + p.Config.CACert,
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=" + p.Config.Issuer,
		"--service-account-key-file=" + p.pki("accounts.key"),
		"--service-account-signing-key-file=" + p.pki("accounts.key"),
		"--api-audiences=" + p.Config.Issuer,
		"--authentication-token-webhook-config-file=" + p.etc("token-review.kubeconfig"),
		"--authentication-token-webhook-version=v1",
		"--authentication-token-webhook-cache-ttl=10s",
		"--authorization-config=" + p.etc("authorization.yaml"),
		"--egress-selector-config-file=" + p.etc("egress.yaml"),
		"--audit-policy-file=" + p.etc("audit-policy.yaml"),
		"--audit-log-path=" + p.Config.Path("audit.log"),
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=50",
		"--audit-log-maxbackup=1",
		"--enable-admission-plugins=NodeRestriction",
		"--enable-priority-and-fairness=false",
		"--profiling=false",
		"--allow-privileged=true",
		"--event-ttl=1h",
		"--shutdown-delay-duration=0s",
	}
}

// startAPIServer serves on the listener until the context ends; the channel
// gets what ended it.
func (p *Plane) startAPIServer(ctx context.Context, l net.Listener) (<-chan error, error) {
	s := options.NewServerRunOptions()
	set := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, f := range s.Flags().FlagSets {
		set.AddFlagSet(f)
	}
	if err := set.Parse(p.apiserverFlags()); err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	s.SecureServing.Listener = l
	s.SecureServing.BindAddress = net.IPv4(127, 0, 0, 1)
	completed, err := s.Complete(ctx)
	if err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, fmt.Errorf("API server: %w", errors.NewAggregate(errs))
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, completed) }()
	return ended, nil
}
