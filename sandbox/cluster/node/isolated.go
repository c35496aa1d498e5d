package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/signgate/signgate/sandbox/cluster/egress"
	"github.com/signgate/signgate/sandbox/cluster/isolate"
)

const (
	metadataIP = "169.254.169.254"
	rootsPath  = "/etc/ssl/certs/ca-certificates.crt"
)

// startIsolated runs the program in namespaces of its own. There it finds
// the API server, the metadata server and the proxy where a pod on GKE finds
// the first two: at their own addresses.
func startIsolated(s starter, g Program, api Access) (*Process, error) {
	service, err := api.service()
	if err != nil {
		return nil, err
	}
	proxy, err := url.Parse(api.Proxy)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(g.Folder, "root")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(g.PodIP)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for name, value := range g.Env {
		env[name] = value
	}
	api.proxied(env)
	env["GCE_METADATA_HOST"] = metadataIP
	spec := isolate.Spec{
		Hostname: g.Hostname, Root: root, Program: g.Path, Path: g.Path0, Args: g.Args, Env: list(env), Dir: "/" + g.Dir, ReadOnly: g.ReadOnly,
		Mounts:    []isolate.Mount{{Source: api.ProxyCA, Path: rootsPath, ReadOnly: true}},
		Files:     map[string]string{"/etc/hosts": hosts(g, service), "/etc/hostname": g.Hostname + "\n"},
		Addresses: []string{g.PodIP, service, metadataIP},
		Listen:    []string{net.JoinHostPort(service, "443"), proxy.Host, net.JoinHostPort(metadataIP, "80")},
	}
	for _, m := range g.Mounts {
		spec.Mounts = append(spec.Mounts, isolate.Mount{Source: m.Source, Path: m.Path, ReadOnly: m.ReadOnly})
	}
	cmd := &exec.Cmd{}
	stdout, stderr, started, err := pipes(cmd)
	if err != nil {
		return nil, err
	}
	p, err := isolate.Start(cmd, spec, s.start)
	started()
	if err != nil {
		return nil, errors.Join(err, stdout.Close(), stderr.Close())
	}
	go relay(p.Listeners[0], api.API)
	go relay(p.Listeners[1], proxy.Host)
	go g.Metadata(p.Listeners[2])
	process := &Process{cmd: cmd, ended: make(chan struct{}), close: []func(){p.Close}}
	process.dial = func(ctx context.Context, port int) (net.Conn, error) {
		return p.Dialer.Dial(ctx, netip.AddrPortFrom(ip, uint16(port))) //nolint:gosec // a port
	}
	process.watch(g.Log, stdout, stderr)
	return process, nil
}

// hosts names what a cluster's DNS would.
func hosts(g Program, service string) string {
	return fmt.Sprintf("127.0.0.1\tlocalhost\n%s\t%s\n%s\tkubernetes.default.svc.cluster.local kubernetes.default.svc kubernetes.default kubernetes\n%s\tmetadata.google.internal metadata\n",
		g.PodIP, g.Hostname, service, metadataIP)
}

// relay joins what is accepted in the pod with a listener of this machine.
func relay(l net.Listener, to string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close() //nolint:errcheck // the other end is gone
			var d net.Dialer
			ctx, cancel := context.WithTimeout(context.Background(), relayTimeout)
			defer cancel()
			target, err := d.DialContext(ctx, "tcp4", to)
			if err != nil {
				return
			}
			defer target.Close() //nolint:errcheck // the other end is gone
			egress.Join(conn, target)
		}()
	}
}
