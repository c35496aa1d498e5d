// Package fault makes the sandbox fail as a real cloud does, when it is asked to: a call
// is refused, answered late, done but its answer lost, its connection cut; a sign-in has
// expired; or a call is held at a point until it is released, so that a test can kill
// who made it right there. What a fault does not name is left alone.
package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is what goes wrong, where and when.
type Fault struct {
	ID string `json:"id"` // given by Add

	// Target is what it is about, in one of two forms:
	//   - a method of a Google API: "AsymmetricSign", "KeyManagementService/Create*",
	//     "google.cloud.kms.v1.KeyManagementService/AsymmetricSign", whether it is
	//     called over gRPC or REST;
	//   - a host, with a path and an HTTP method if need be: "oauth2.googleapis.com",
	//     "PUT *-docker.pkg.dev/v2/*/manifests/*", "203.0.113.10" (a cluster's endpoint).
	//     A path with a ? in it is compared with its query, one without is not.
	// A * stands for anything.
	Target string `json:"target"`

	// Nth is the first call of those that match, from now on and from 1, that it happens to; 0: the
	// first. Times is to how many calls it happens; 0: to all from then on, or to one where Nth is given.
	Nth   int `json:"nth,omitempty"`
	Times int `json:"times,omitempty"`

	// After the call has taken effect; else before, and then a call that is refused has none.
	After bool `json:"after,omitempty"`

	// What happens, in this order.
	Hold  bool          `json:"hold,omitempty"`  // wait until it is released or cleared
	Delay time.Duration `json:"delay,omitempty"` // wait
	Cut   bool          `json:"cut,omitempty"`   // end the connection
	Code  string        `json:"code,omitempty"`  // answer this: "UNAVAILABLE", "RESOURCE_EXHAUSTED"…; "invalid_grant", "invalid_rapt" at the token endpoint

	Message    string        `json:"message,omitempty"`    // "": what Google says with the code
	RetryAfter time.Duration `json:"retryAfter,omitempty"` // RetryInfo, of RESOURCE_EXHAUSTED and UNAVAILABLE
}

// Seen is a fault and what became of it.
type Seen struct {
	Fault
	Calls int `json:"calls"` // that matched
	Hits  int `json:"hits"`  // that it happened to
	Held  int `json:"held"`  // that wait at it now
}

// Set are the faults of a sandbox. The zero value has none and may be used by many
// goroutines at once; a nil one never has any.
type Set struct {
	some   atomic.Bool // there are any: the way of nearly all calls
	mu     sync.Mutex
	faults []*armed
	last   int
	held   chan struct{} // closed and made anew when somebody comes to be held
	added  func(about func(host string) bool)
}

// armed is a fault that waits for its call.
type armed struct {
	Seen
	target  target
	release chan struct{}
}

// Add arms a fault and gives its id.
func (s *Set) Add(f Fault) (string, error) {
	t, err := parseTarget(f.Target)
	if err != nil {
		return "", err
	}
	if err := f.check(t); err != nil {
		return "", err
	}
	s.mu.Lock()
	s.last++
	f.ID = "f" + strconv.Itoa(s.last)
	s.faults = append(s.faults, &armed{Seen: Seen{Fault: f}, target: t, release: make(chan struct{})})
	s.some.Store(true)
	added := s.added
	s.mu.Unlock()
	if added != nil {
		added(t.about)
	}
	return f.ID, nil
}

// Watch calls added with each fault that is added: with what says whether it is about a host.
func (s *Set) Watch(added func(about func(host string) bool)) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = added
}

// About says whether any fault is about single requests to a host.
func (s *Set) About(host string) bool {
	if !s.Armed() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.faults, func(a *armed) bool { return a.target.about(host) })
}

// check refuses what would do nothing, or what cannot be done there.
func (f Fault) check(t target) error {
	if f.Nth < 0 || f.Times < 0 || f.Delay < 0 || f.RetryAfter < 0 {
		return errors.New("counts and durations must not be negative")
	}
	if !f.Hold && f.Delay == 0 && !f.Cut && f.Code == "" {
		return errors.New("say what is to happen: a code, a delay, a cut or a hold")
	}
	if f.Cut && f.Code != "" {
		return errors.New("a connection that is cut carries no code: say one of them")
	}
	if signIn(f.Code) {
		if t.method != "" {
			return fmt.Errorf("%s happens at the token endpoint: the target is oauth2.googleapis.com/token", f.Code)
		}
		return nil
	}
	if _, err := parseCode(f.Code); f.Code != "" && err != nil {
		return err
	}
	return nil
}

// Armed says whether there are any.
func (s *Set) Armed() bool { return s != nil && s.some.Load() }

// List are the faults in the order in which they were added.
func (s *Set) List() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Seen{}
	for _, a := range s.faults {
		all = append(all, a.Seen)
	}
	return all
}

// Clear disarms the faults of those ids, or all of them. Whoever is held at one goes on.
func (s *Set) Clear(ids ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.find(id) == nil {
			return unknown(id)
		}
	}
	s.faults = slices.DeleteFunc(s.faults, func(a *armed) bool {
		gone := len(ids) == 0 || slices.Contains(ids, a.ID)
		if gone {
			close(a.release)
		}
		return gone
	})
	s.some.Store(len(s.faults) > 0)
	return nil
}

// Release lets those go on that are held at a fault now. The next ones are held again.
func (s *Set) Release(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.find(id)
	if a == nil {
		return unknown(id)
	}
	close(a.release)
	a.release = make(chan struct{})
	return nil
}

// Wait returns when a call is held at a fault.
func (s *Set) Wait(ctx context.Context, id string) error {
	for {
		s.mu.Lock()
		a := s.find(id)
		if a == nil {
			s.mu.Unlock()
			return unknown(id)
		}
		if a.Held > 0 {
			s.mu.Unlock()
			return nil
		}
		if s.held == nil {
			s.held = make(chan struct{})
		}
		held := s.held
		s.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func unknown(id string) error { return fmt.Errorf("there is no fault %q", id) }

func (s *Set) find(id string) *armed {
	for _, a := range s.faults {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// strike counts a call at every fault that matches it, and gives the first that happens to it.
func (s *Set) strike(match func(target) bool) *armed {
	if !s.Armed() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *armed
	for _, a := range s.faults {
		if !match(a.target) {
			continue
		}
		a.Calls++
		if hit == nil && a.due() {
			a.Hits++
			hit = a
		}
	}
	return hit
}

// due says whether a fault happens to the call that was counted last.
func (a *armed) due() bool {
	times := a.Times
	if a.Nth > 0 {
		times = cmp.Or(times, 1)
	}
	return a.Calls >= a.Nth && (times == 0 || a.Hits < times)
}

// pause holds and delays a call. An error says that its client has gone.
func (s *Set) pause(ctx context.Context, a *armed) error {
	if a.Hold {
		s.mu.Lock()
		a.Held++
		release := a.release
		if s.held != nil {
			close(s.held)
			s.held = nil
		}
		s.mu.Unlock()
		var err error
		select {
		case <-release:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		a.Held--
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
	if a.Delay > 0 {
		t := time.NewTimer(a.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
