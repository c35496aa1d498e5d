package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/log"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/signgate/signgate/sandbox/cluster/config"
	"github.com/signgate/signgate/sandbox/cluster/control"
	"github.com/signgate/signgate/sandbox/cluster/egress"
	"github.com/signgate/signgate/sandbox/cluster/node"
)

// Starting makes much garbage once: the collector stays out of the way until
// the heap is large, and later works for a small heap rather than a fast one.
const (
	busyLimit   = 320 << 20
	gcPercent   = 40
	memoryLimit = 600 << 20
	busyFor     = 30 * time.Second // after ready: a policy controller comes
	stopTimeout = 15 * time.Second
)

// calm makes the heap small when the busy time is over.
func calm(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(busyFor):
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(memoryLimit)
		debug.FreeOSMemory()
	}
}

// line is one thing told to the sandbox.
type line struct {
	Stage     string   `json:"stage"`
	Done      bool     `json:"done,omitempty"`
	APIServer string   `json:"apiserver,omitempty"`
	Egress    string   `json:"egress,omitempty"`
	Pod       string   `json:"pod,omitempty"`
	Open      []string `json:"open,omitempty"` // on all interfaces
	Error     string   `json:"error,omitempty"`
}

// teller writes lines, one at a time.
type teller struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *teller) tell(l line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = json.NewEncoder(t.w).Encode(l)
}

// cluster runs until its context or its standard input ends.
func cluster(ctx context.Context, path string, stdin io.Reader, stdout io.Writer) int {
	out := &teller{w: stdout}
	err := serve(ctx, path, stdin, out)
	klog.Flush()
	if err != nil {
		out.tell(line{Stage: "failed", Error: err.Error()})
		return 1
	}
	return 0
}

func serve(ctx context.Context, path string, stdin io.Reader, out *teller) (err error) {
	syscall.Umask(0o077) // whatever a library makes is nobody else's
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(busyLimit)
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	unlock, err := lock(c)
	if err != nil {
		return err
	}
	defer unlock()
	logs, err := logTo(c)
	if err != nil {
		return err
	}
	defer logs.Close() //nolint:errcheck // flushed before
	sockets, remove, err := socketFolder(c)
	if err != nil {
		return err
	}
	defer remove()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Controllers that are just starting take the API server's end for a
	// disaster, and would end this process before its pods.
	klog.OsExit = func(code int) {
		if ctx.Err() != nil {
			runtime.Goexit()
		}
		os.Exit(code)
	}
	go func() { // the sandbox holds the other end
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	err = live(ctx, c, sockets, out)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// live brings all up, says so, and takes all down in turn when the context
// ends or a part does.
func live(ctx context.Context, c *config.Config, sockets string, out *teller) error {
	if err := os.RemoveAll(c.Path("run")); err != nil { // what pods of an earlier life left
		return err
	}
	var fleet *node.Fleet
	up, reviews := make(chan struct{}), egress.NewPipe()
	door, err := egress.Listen(sockets+"/egress.sock", func(ctx context.Context, address string) (net.Conn, error) {
		if address == control.ReviewHost+":443" {
			return reviews.Dial(ctx)
		}
		select {
		case <-up:
			return fleet.Dial(ctx, address)
		case <-ctx.Done():
			return nil, errors.New("the nodes are not up yet")
		}
	})
	if err != nil {
		return err
	}
	defer door.Close() //nolint:errcheck // all is ending
	parts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	plane, err := control.Start(parts, c, sockets, reviews, func(stage string) { out.tell(line{Stage: stage, Done: true}) })
	if err != nil {
		return err
	}
	defer within(stopTimeout, plane.Stop)
	fleet, err = node.Start(parts, node.Options{
		Config: c, API: plane.Address, CA: plane.CA.PEM, Log: klog.Infof,
		Client: func(user string, groups ...string) (*rest.Config, error) {
			return plane.Client(control.Leaf{Name: user, Groups: groups})
		},
		Issue: func(name string, hosts []string) ([]byte, []byte, error) {
			return plane.CA.Issue(control.Leaf{Name: name, Hosts: hosts})
		},
		Open: func(pod string, addresses []string) { out.tell(line{Stage: "open", Pod: pod, Open: addresses}) },
	})
	if err != nil {
		return err
	}
	defer within(stopTimeout, fleet.Close)
	close(up)
	out.tell(line{Stage: "node", Done: true})
	go calm(parts)
	out.tell(line{Stage: "ready", APIServer: plane.Address, Egress: door.Path()})
	select {
	case <-ctx.Done():
		return nil
	case err := <-plane.Failed():
		return err
	case err := <-fleet.Failed():
		return err
	}
}

// within gives up waiting; the process ends anyway.
func within(limit time.Duration, f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// lock makes sure that one process has the folder. The kernel lets go of it
// when the process ends, however it ends.
func lock(c *config.Config) (func(), error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cluster folder: %w", err)
	}
	f, err := os.OpenFile(c.Path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cluster folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s already runs: another process has %s", c.Name, c.Dir), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// socketMax is what fits a unix socket's address, with the longest name.
const socketMax = 100 - len("/etcd-peer")

// socketFolder is where the sockets are: the cluster's folder, or a private
// one with a short path where that is too long for a socket's address.
func socketFolder(c *config.Config) (string, func(), error) {
	if dir := c.Path("s"); len(dir) <= socketMax {
		return dir, func() {}, os.MkdirAll(dir, 0o700)
	}
	dir, err := os.MkdirTemp("/tmp", "signgate-")
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// logTo sends what the parts say to one file.
func logTo(c *config.Config) (*os.File, error) {
	f, err := os.OpenFile(c.Path("cluster.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	if err := errors.Join(flags.Set("logtostderr", "false"), flags.Set("one_output", "true"), flags.Set("stderrthreshold", "FATAL")); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	klog.SetOutput(f)
	log.L = quietLog{}
	return f, nil
}
