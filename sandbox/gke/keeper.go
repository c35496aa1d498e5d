package gke

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	startLimit  = 5 * time.Minute  // for a process to say that it is ready
	restartWait = 55 * time.Second // a client's patience with one that is started again: Go's own with a proxy is a minute
	backoffMax  = 30 * time.Second
	steady      = time.Minute // up so long, what was before is forgotten
	failuresMax = 3           // in a row, after which a cluster counts as degraded
)

var errStopped = errors.New("stopped")

// keeper runs a cluster's process, and starts it again when it ends by itself.
type keeper struct {
	s      *Service
	uid    string
	fresh  bool        // the cluster is being made: the first failure is the last
	hear   func(event) // what the process says, and "config" and "process" before it
	cancel context.CancelCauseFunc
	again  chan struct{} // asks for a new process with a new configuration
	ended  chan struct{} // closed when nothing is left of it

	// Under the service's lock:
	moved    chan struct{} // closed, and replaced, with each change of these
	address  string        // of the API server, while it is ready
	last     error         // how the process ended, until it is ready again
	since    time.Time     // it is ready
	failures int           // in a row
}

// keep starts a keeper; the caller holds the lock.
func (s *Service) keep(uid string, fresh bool, hear func(event)) *keeper {
	ctx, cancel := context.WithCancelCause(s.ctx)
	k := &keeper{s: s, uid: uid, fresh: fresh, hear: hear, cancel: cancel,
		again: make(chan struct{}, 1), ended: make(chan struct{}), moved: make(chan struct{})}
	s.keepers[uid] = k
	s.working.Go(func() { k.run(ctx) })
	return k
}

// stop ends the process for good; ended tells when.
func (k *keeper) stop(why error) { k.cancel(why) }

func (k *keeper) run(ctx context.Context) {
	defer close(k.ended)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, backoffMax) {
		started := time.Now()
		err := k.once(ctx)
		if k.lost(ctx, err) {
			return
		}
		if err == nil || time.Since(started) > steady { // asked for, or it was up for a while
			wait = 100 * time.Millisecond
		}
		if err != nil {
			k.s.logf("cluster %s: %v; starting it again in %v", k.uid, err, wait)
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
		}
	}
}

// lost notes that the process has ended, and says whether that is all.
func (k *keeper) lost(ctx context.Context, err error) bool {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	defer k.move()
	wasUp := k.address != ""
	k.address = ""
	if ctx.Err() != nil {
		k.last = context.Cause(ctx)
		return true
	}
	if err == nil {
		return false
	}
	if k.last = err; wasUp {
		k.fresh = false
		if time.Since(k.since) > steady {
			k.failures = 0
		}
	}
	k.failures++
	return k.fresh
}

// once runs one process to its end. Nil says that it was ended to be started again.
func (k *keeper) once(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case <-k.again: // the configuration that comes now is the newest
	default:
	}
	config, forget, err := k.s.configure(k.uid)
	if err != nil {
		return err
	}
	defer forget()
	k.hear(event{Stage: "config"})
	ready := make(chan struct{})
	once := sync.OnceFunc(func() { close(ready) })
	p, err := start(k.s.opt.Program, config, func(e event) {
		k.hear(e) // first: who waits for it to be ready looks at what was heard
		if e.Stage == "ready" {
			k.ready(e)
			once()
		}
	})
	if err != nil {
		return err
	}
	k.hear(event{Stage: "process"})
	return k.watch(ctx, p, ready)
}

func (k *keeper) watch(ctx context.Context, p *process, ready <-chan struct{}) error {
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	for {
		select {
		case <-ready:
			ready = nil
			limit.Stop()
		case <-limit.C:
			p.stop(k.s.grace)
			return fmt.Errorf("it was not ready after %v (what it said is in %s)", startLimit, k.s.folder(k.uid))
		case <-ctx.Done():
			p.stop(k.s.grace)
			return ctx.Err()
		case <-k.again:
			p.stop(k.s.grace)
			return nil
		case <-p.done:
			kill(p.cmd) // children that it left behind
			return p.err
		}
	}
}

func (k *keeper) ready(e event) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.address, k.last, k.since = e.APIServer, nil, time.Now()
	k.move()
}

// move tells those who wait; the caller holds the lock.
func (k *keeper) move() {
	close(k.moved)
	k.moved = make(chan struct{})
}

// await waits until the process is ready. It gives up with the keeper, and after as
// many failures in a row as make a cluster degraded.
func (k *keeper) await(ctx context.Context) error {
	for {
		k.s.mu.Lock()
		moved, up, last, failures := k.moved, k.address != "", k.last, k.failures
		k.s.mu.Unlock()
		if up {
			return nil
		}
		if failures >= failuresMax {
			return last
		}
		select {
		case <-moved:
		case <-k.ended:
			k.s.mu.Lock()
			defer k.s.mu.Unlock()
			return k.last
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// restart has the process started again with a new configuration, and waits for it.
func (k *keeper) restart(ctx context.Context) error {
	k.s.mu.Lock()
	k.address, k.failures = "", 0
	k.move()
	k.s.mu.Unlock()
	select {
	case k.again <- struct{}{}:
	default: // asked for already
	}
	return k.await(ctx)
}
