package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// ErrDown says that no sandbox runs in a folder. ErrKilled is one too: the last one
// ended without clearing up, which the next Serve does.
var (
	ErrDown   = errors.New("the sandbox is not up")
	ErrKilled = fmt.Errorf("%w: it was killed", ErrDown)
)

// Running is a sandbox that another process serves.
type Running struct {
	place
	client *http.Client
	Status Status // as it was when it was found
}

// answerWithin is how long a sandbox may take to say that it is there. One that is gone
// refuses at once.
const answerWithin = 30 * time.Second

// Find looks for the sandbox of a folder. ErrDown and *BetweenError tell why there is none to use.
func Find(ctx context.Context, dir string) (*Running, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	r := &Running{place: place{dir: dir}}
	st, ok, err := r.recorded()
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, cmp.Or(r.between(nil), ErrDown)
	}
	r.client = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", st.Control)
		},
	}}
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := r.Call(ask, http.MethodGet, "/status", nil, &r.Status); err != nil {
		if free, lockErr := r.free(); lockErr == nil && free {
			return nil, ErrKilled
		}
		if between := r.between(err); between != nil && ask.Err() == nil { // refused at once
			return nil, between
		}
		return nil, fmt.Errorf("the sandbox (process %d) does not answer: %w", st.PID, err)
	}
	r.proxy = r.Status.Proxy
	return r, nil
}

// Exposed are the addresses of the sandbox and its clusters that others on the network
// could reach. It looks through all processes of this machine, so it is asked for by itself.
func (r *Running) Exposed(ctx context.Context) ([]string, error) {
	var all []string
	return all, r.Call(ctx, http.MethodGet, "/exposed", nil, &all)
}

// Call asks something on the control socket.
func (r *Running) Call(ctx context.Context, method, path string, in, out any) error {
	body := io.Reader(nil)
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://sandbox"+path, body)
	if err != nil {
		return err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		words, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("%s", bytes.TrimSpace(words))
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// Stop ends the sandbox and returns when its process is gone.
func (r *Running) Stop(ctx context.Context) error {
	gone := r.watch(r.Status.PID)
	err := r.Call(ctx, http.MethodPost, "/stop", nil, nil)
	var silent *url.Error
	if pid, going := r.said(); errors.As(err, &silent) && (going == goingDown || going == goingUp && pid != r.Status.PID) {
		err = nil // somebody else has stopped it
	}
	if err != nil {
		return fmt.Errorf("stop the sandbox: %w", err)
	}
	if err := gone(ctx); err != nil {
		return fmt.Errorf("wait for process %d to end: %w", r.Status.PID, err)
	}
	return nil
}

// Sweep clears up after a sandbox that was killed, without starting another.
func Sweep(ctx context.Context, dir string) error { return idle(ctx, dir, place.sweep) }

// Reset forgets everything that was made in the sandbox of a folder that is not
// served: its projects, keys, images and clusters, its CA and its sign-ins.
func Reset(ctx context.Context, dir string) error {
	return idle(ctx, dir, func(p place, ctx context.Context) error {
		if err := p.sweep(ctx); err != nil {
			return err
		}
		return p.empty()
	})
}

// empty removes all that is in the folder, and the folder. The lock goes last: by it the folder is
// known as a sandbox's if this is cut off, and as long as it is held no other can start there.
func (p place) empty() error {
	held, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range held {
		if path := filepath.Join(p.dir, e.Name()); path != p.lockFile() {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(p.lockFile()); err != nil {
		return err
	}
	_ = os.Remove(p.dir) // it fails where another starts already
	return nil
}

// idle does something to the folder of a sandbox that nobody serves, nor can meanwhile.
func idle(ctx context.Context, dir string, do func(place, context.Context) error) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := Usable(dir); err != nil {
		return err
	}
	p := place{dir: dir}
	lock, err := p.hold(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	p.say(0, goingDown)
	return do(p, ctx)
}

// ErrForeign says that a folder holds something and was never a sandbox's.
var ErrForeign = errors.New("it holds other things, and no sandbox was ever in it")

// Usable says whether a folder may be a sandbox's, whose reset removes all that is in it:
// it is not there, is empty, or was one before. ErrForeign: it is somebody's.
func Usable(dir string) error {
	held, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	foreign := false
	for _, e := range held {
		switch e.Name() {
		case "lock":
			return nil
		case "start.lock", "sandbox.log": // there before a sandbox first is
		default:
			foreign = true
		}
	}
	if !foreign {
		return nil
	}
	return &os.PathError{Op: "use", Path: dir, Err: ErrForeign}
}

// private makes a folder for this user alone.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the sandbox's folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make the sandbox's folder private: %w", err)
	}
	return nil
}
