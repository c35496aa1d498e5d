// Package sandbox is a Google Cloud and its Kubernetes Engine on this machine: the
// official APIs over gRPC and REST, real access control, a real registry and real
// clusters, all behind one proxy on 127.0.0.1. Programs need not know of it: they
// are given the proxy, its CA and a sign-in by their environment (Environ) and find
// everything under its real name. What is no part of it is refused, and nothing
// leaves the machine.
package sandbox

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"github.com/signgate/signgate/sandbox/chart"
	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/gke"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
	"github.com/signgate/signgate/sandbox/kms"
)

// Options say where the sandbox lives and what it may run.
type Options struct {
	Dir string    // private folder of its state; "": a temporary one, removed by Close
	Bin string    // folder with signgate-cluster, policy-controller and its chart; "": asking for clusters fails in words
	Log io.Writer // nil: nowhere
}

// Sandbox is a running one. It may be used by many goroutines at once.
type Sandbox struct {
	place
	opt     Options
	scratch bool // dir is temporary
	front   *front.Front
	faults  fault.Set
	set     remembered
	iam     *iam.IAM
	journal *journal.Journal
	keep    string // folder of small state; "" where nothing is to stay
	chart   *chart.Chart
	kms     *kms.Service
	gke     *gke.Service
	closers []io.Closer // services, and what they share

	programs built
}

// service is what answers for some of the hosts.
type service interface {
	Handlers() (map[string]http.Handler, error)
	Close() error
}

// Start makes the sandbox ready to be used: its state is loaded, or the world of the
// first start made, and its proxy listens. It starts no cluster: that is for Kubernetes
// Engine to do, when it is asked.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	s := &Sandbox{opt: o, scratch: o.Dir == "", programs: builtIn(o.Bin)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	if !s.scratch {
		s.keep = s.dir
	}
	var err error
	if s.journal, err = journal.Open(s.keep); err != nil {
		return err
	}
	if s.iam, err = iam.New(iam.Options{Dir: s.keep, Journal: s.journal}); err != nil {
		return err
	}
	if s.front, err = front.New(front.Options{Dir: s.keep, Journal: s.journal, Log: s.opt.Log, Faults: &s.faults}); err != nil {
		return err
	}
	if err := s.front.Start(ctx); err != nil {
		return err
	}
	s.proxy = s.front.ProxyURL()
	if err := s.furnish(s.front.CA(), s.iam.People()); err != nil {
		return err
	}
	if err := s.dockerLogin(); err != nil {
		return err
	}
	return s.serve()
}

// open makes the folder, for this user alone.
func (s *Sandbox) open() error {
	var err error
	if s.scratch {
		s.dir, err = os.MkdirTemp("", "signgate-sandbox-")
		return err
	}
	if s.dir, err = filepath.Abs(s.opt.Dir); err != nil {
		return err
	}
	return private(s.dir)
}

// add puts a service's hosts behind the proxy.
func (s *Sandbox) add(one service) error {
	s.closers = append(s.closers, one)
	hosts, err := one.Handlers()
	if err != nil {
		return err
	}
	for host, h := range hosts {
		s.front.Handle(host, h)
	}
	return nil
}

// ProxyURL is where clients find the sandbox: "http://127.0.0.1:PORT".
func (s *Sandbox) ProxyURL() string { return s.proxy }

// Roots are what clients must trust: the sandbox's CA alone.
func (s *Sandbox) Roots() *x509.CertPool { return s.front.Pool() }

// IAM is the store of projects, APIs and policies.
func (s *Sandbox) IAM() *iam.IAM { return s.iam }

// Close ends everything that the sandbox started and waits for it.
func (s *Sandbox) Close() error {
	var errs []error
	for _, one := range slices.Backward(s.closers) { // clusters before what they pull from
		errs = append(errs, one.Close())
	}
	if s.front != nil {
		errs = append(errs, s.front.Close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.scratch && s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// write puts a private file in place, whole or not at all.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(path, data, 0o600)
}
