package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Program is what to run for a container.
type Program struct {
	Path   string
	Args   []string // without the program's own name
	Env    map[string]string
	Dir    string
	Mounts []Mount
	Folder string // private, for this run
	PodIP  string
	Log    *containerLog
	// Metadata serves the pod's metadata server on a listener it closes.
	Metadata func(net.Listener)
}

// Process is a container's program, running.
type Process struct {
	cmd   *exec.Cmd
	dial  DialPort
	close []func()
	ended chan struct{}
	state *os.ProcessState
	// Open lists what it has open on all the machine's interfaces.
	Open []string
}

// starter starts every process from one thread that never ends: the kernel
// kills a child whose starting thread is gone, and only then should it.
type starter chan func()

func newStarter() starter {
	s := make(starter)
	go func() {
		runtime.LockOSThread()
		for f := range s {
			f()
		}
	}()
	return s
}

func (s starter) start(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	s <- func() { done <- cmd.Start() }
	return <-done
}

// watch collects the output and the end of a started command.
func (p *Process) watch(log *containerLog, stdout, stderr *os.File) {
	var out sync.WaitGroup
	out.Add(2)
	go func() { defer out.Done(); log.copy("stdout", stdout); _ = stdout.Close() }()
	go func() { defer out.Done(); log.copy("stderr", stderr); _ = stderr.Close() }()
	go func() {
		_ = p.cmd.Wait()
		p.state = p.cmd.ProcessState
		killGroup(p.cmd.Process.Pid) // what it started itself
		out.Wait()
		for _, f := range p.close {
			f()
		}
		close(p.ended)
	}()
}

// Ended is closed when the program has ended and its output is written.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Exit gives how it ended, as a container runtime says it.
func (p *Process) Exit() (code int32, signal int32) {
	s, ok := p.state.Sys().(syscall.WaitStatus)
	if !ok {
		return int32(p.state.ExitCode()), 0 //nolint:gosec // a byte
	}
	if s.Signaled() {
		return 128 + int32(s.Signal()), int32(s.Signal()) //nolint:gosec // small
	}
	return int32(s.ExitStatus()), 0 //nolint:gosec // a byte
}

// Stop asks it to end, and kills it after the grace, which may shrink while
// it waits.
func (p *Process) Stop(grace func() time.Duration) {
	select {
	case <-p.ended:
		return
	default:
	}
	began := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTicker(gracePoll)
	defer t.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-t.C:
			if time.Since(began) >= grace() {
				_ = p.cmd.Process.Kill()
				<-p.ended
				return
			}
		}
	}
}

const gracePoll = 20 * time.Millisecond

// Dial reaches a port it serves.
func (p *Process) Dial(ctx context.Context, port int) (net.Conn, error) {
	select {
	case <-p.ended:
		return nil, errors.New("connection refused")
	default:
		return p.dial(ctx, port)
	}
}

// pipes make the program's output streams.
func pipes(cmd *exec.Cmd) (stdout, stderr *os.File, started func(), err error) {
	or, ow, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	er, ew, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, errors.Join(err, or.Close(), ow.Close())
	}
	cmd.Stdout, cmd.Stderr = ow, ew
	return or, er, func() { _ = ow.Close(); _ = ew.Close() }, nil
}

// startInHost runs the program in the machine's own network and file system:
// paths under mounts are rewritten to where the volumes are, and what it
// would serve on well-known ports moves to free ones.
func startInHost(s starter, g Program, api Access) (*Process, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ports, err := movedPorts()
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

// movedPorts asks the kernel for free ports, all at once so that they differ.
func movedPorts() (map[int]int, error) {
	out := map[int]int{}
	for _, port := range []int{servingPort, metricsPort, profilingPort} {
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
	api.proxied(env, api.ProxyCA)
	return env, append(args, "-secure-port="+strconv.Itoa(ports[servingPort])), nil
}
