package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
)

// startInHost runs the program in the machine's own network and file system:
// paths under mounts are rewritten to where the volumes are, and the ports
// that can be moved move to free ones.
func startInHost(s starter, g Program, api Access) (*Process, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ports, err := hostPorts()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	env, args, err := hostView(g, api, l.Addr().String(), ports)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	cmd := exec.Command(g.Path, args...) //nolint:gosec // a program that the sandbox itself built
	cmd.Env, cmd.Dir = list(env), g.Folder
	cmd.SysProcAttr = tied()
	stdout, stderr, started, err := pipes(cmd)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	err = s.start(cmd)
	started()
	if err != nil {
		return nil, errors.Join(err, l.Close(), stdout.Close(), stderr.Close())
	}
	go g.Metadata(l)
	p := &Process{cmd: cmd, ended: make(chan struct{}), close: []func(){func() { _ = l.Close() }}}
	for _, port := range []int{servingPort, profilingPort} {
		p.Open = append(p.Open, "0.0.0.0:"+strconv.Itoa(ports[port]))
	}
	p.dial = func(ctx context.Context, port int) (net.Conn, error) {
		moved, ok := ports[port]
		if !ok {
			return nil, fmt.Errorf("connect: port %d: connection refused", port)
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(moved)))
	}
	p.watch(g.Log, stdout, stderr)
	return p, nil
}

// The ports of policy-controller, the one program there is.
const (
	servingPort   = 8443
	metricsPort   = 9090
	profilingPort = 8008
)

// hostPorts are those of the program outside a namespace, by those it has in
// one. Metrics and profiling move to free ports. Where it serves cannot be
// moved: policy-controller reads its flag -secure-port too late to heed it.
func hostPorts() (map[int]int, error) {
	serving, err := net.Listen("tcp4", fmt.Sprintf(":%d", servingPort)) //nolint:gosec // asks whether it is free; closed at once
	if err != nil {
		return nil, fmt.Errorf("port %d of this machine is taken, and no namespace can be made to give the pod its own: %w", servingPort, err)
	}
	defer serving.Close() //nolint:errcheck // it only asked
	out := map[int]int{servingPort: servingPort}
	for _, port := range []int{metricsPort, profilingPort} {
		l, err := net.Listen("tcp4", ":0") //nolint:gosec // where the program will bind; closed at once
		if err != nil {
			return nil, err
		}
		defer l.Close() //nolint:errcheck // it only held the port
		out[port] = l.Addr().(*net.TCPAddr).Port
	}
	return out, nil
}

// hostView is the program's environment and arguments outside a namespace.
func hostView(g Program, api Access, metadata string, ports map[int]int) (map[string]string, []string, error) {
	env := map[string]string{}
	for name, value := range g.Env {
		env[name] = rebase(value, g.Mounts)
	}
	args := make([]string, 0, len(g.Args)+1)
	for _, a := range g.Args {
		args = append(args, rebase(a, g.Mounts))
	}
	kubeconfig, err := api.kubeconfig(g)
	if err != nil {
		return nil, nil, err
	}
	env["KUBECONFIG"] = kubeconfig
	env["GCE_METADATA_HOST"] = metadata
	env["METRICS_PROMETHEUS_HOST"] = "127.0.0.1"
	env["METRICS_PROMETHEUS_PORT"] = strconv.Itoa(ports[metricsPort])
	env["PROFILING_PORT"] = strconv.Itoa(ports[profilingPort])
	api.proxied(env)
	env["SSL_CERT_FILE"], env["SSL_CERT_DIR"] = api.ProxyCA, filepath.Join(g.Folder, "none")
	return env, args, nil
}
