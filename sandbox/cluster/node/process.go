package node

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
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
	// In a file system of its own:
	Hostname string
	Path0    string // where the program is
	ReadOnly bool   // the root
	PodIP    string
	Log      *containerLog
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
