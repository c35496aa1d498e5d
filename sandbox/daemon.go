package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// RunVariable marks the processes of one run of the sandbox in their environment:
// those that it started, and those that they did. So what a killed one left behind
// is told from everything else that runs.
const RunVariable = "SIGNGATE_SANDBOX_RUN"

// ErrInUse says that another process serves the folder.
var ErrInUse = errors.New("another sandbox uses this folder")

// NewRun is a new mark.
func NewRun() string { return rand.Text() }

// daemon is a sandbox with a control socket.
type daemon struct {
	*Sandbox
	run    string
	since  time.Time
	socket string // path
	stop   context.CancelFunc
}

// Serve runs a sandbox in o.Dir until the context ends, or Stop asks for it. It tells
// ready once everything can be used. run is the mark that is in this process's
// environment.
func Serve(ctx context.Context, o Options, run string, ready func(Status)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if err := Usable(dir); err != nil {
		return err
	}
	if err := private(dir); err != nil {
		return err
	}
	p := place{dir: dir}
	lock, err := p.hold(ctx)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(lock) // it ends with its file, and that with this process
	p.say(os.Getpid(), goingUp)
	if err := p.sweep(ctx); err != nil {
		return err
	}
	s, err := Start(ctx, o)
	if err != nil {
		return err
	}
	d := &daemon{Sandbox: s, run: run, since: time.Now(), stop: stop}
	return errors.Join(d.serve(ctx, ready), s.Close(), d.clear())
}

// serve answers on the control socket until the context ends.
func (d *daemon) serve(ctx context.Context, ready func(Status)) error {
	listener, err := d.listen(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d.control(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := d.record(); err != nil {
		server.Close()
		return err
	}
	ready(d.Status())
	select {
	case <-ctx.Done():
	case err = <-ended:
		d.say(os.Getpid(), goingDown)
		return fmt.Errorf("control socket: %w", err)
	}
	d.say(os.Getpid(), goingDown) // before the socket goes
	// Whoever asked to stop is answered first.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return server.Shutdown(late)
}

// socketMax is how long a socket's path may be on all systems.
const socketMax = 100

// listen opens the control socket, in the folder, or in a private one with a shorter name.
func (d *daemon) listen(ctx context.Context) (net.Listener, error) {
	d.socket = filepath.Join(d.dir, "control.sock")
	if len(d.socket) > socketMax {
		short, err := os.MkdirTemp("", "signgate-")
		if err != nil {
			return nil, err
		}
		d.socket = filepath.Join(short, "control.sock")
	}
	if err := os.Remove(d.socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", d.socket)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(d.socket, 0o600); err != nil { // its folder is private from the start
		l.Close()
		return nil, err
	}
	return l, nil
}

// control is what other processes of the same user may ask.
func (d *daemon) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.Status()) })
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, d.Status())
		d.stop()
	})
	mux.HandleFunc("GET /exposed", func(w http.ResponseWriter, _ *http.Request) { reply(w, exposed()) })
	mux.HandleFunc("GET /uses", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.iam.Uses()) })
	d.controlFaults(mux)
	d.controlSettings(mux)
	return mux
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone: its loss
}

// Status adds to the sandbox's what the process is.
func (d *daemon) Status() Status {
	st := d.Sandbox.Status()
	st.Run, st.Since, st.Control = d.run, d.since, d.socket
	return st
}

func (d *daemon) record() error {
	data, err := json.MarshalIndent(d.Status(), "", "  ")
	if err != nil {
		return err
	}
	return write(d.statusFile(), append(data, '\n'))
}

// clear removes what says that a sandbox runs here.
func (d *daemon) clear() error {
	return d.forget(d.socket)
}

// forget removes sandbox.json and a control socket, with the folder that was made for it.
func (p place) forget(socket string) error {
	err := os.Remove(p.statusFile())
	if socket != "" {
		os.Remove(socket)
		if filepath.Dir(socket) != p.dir {
			os.Remove(filepath.Dir(socket)) // only if it is empty
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
