package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// world is a Google Cloud to work on, as the verbs are handed it: how it is reached
// and as whom, where its setups are on record, and which chart it has.
type world struct {
	Options gcp.Options
	Setups  string         // folder of the records
	Chart   *sandbox.Chart // nil: Sigstore's own, as pinned
	Sandbox *sandbox.Running
	Times   map[string]float64 // about how many seconds steps take; nil: as on Google Cloud
}

// openSandbox makes sure that the sandbox is up and can run clusters, and turns this
// program's own environment into the sandbox's, so that no library in it finds a way
// past it: sandbox/environ.go says which there are.
func openSandbox(ctx context.Context, a *app) (world, error) {
	bin, err := a.binDir()
	if err != nil {
		return world{}, err
	}
	if missing := sandbox.Missing(bin); len(missing) > 0 {
		p := problem.Raise("sandbox-incomplete", nil)
		p.Words = fmt.Sprintf("not in %s, or not fit to run: %s", bin, strings.Join(missing, ", "))
		return world{}, p
	}
	r, err := a.sandboxUp(ctx)
	if err != nil {
		return world{}, err
	}
	if err := inhabit(r, a.env.list); err != nil {
		return world{}, err
	}
	return a.worldOf(r)
}

// inhabit makes the sandbox's environment this process's own.
func inhabit(r *sandbox.Running, base []string) error {
	for _, v := range r.Variables(base) {
		err := os.Unsetenv(v.Name)
		if !v.Clear {
			err = os.Setenv(v.Name, v.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// worldOf is how the official clients reach a running sandbox.
func (a *app) worldOf(r *sandbox.Running) (world, error) {
	proxy, err := url.Parse(r.Status.Proxy)
	if err != nil {
		return world{}, err
	}
	ca, err := os.ReadFile(filepath.Join(r.Status.Dir, "ca.pem"))
	if err != nil {
		return world{}, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return world{}, fmt.Errorf("%s holds no certificate", filepath.Join(r.Status.Dir, "ca.pem"))
	}
	return world{
		Options: gcp.Options{Network: gcp.Network{Proxy: proxy, Roots: roots}, CredentialsFile: r.Credentials(iam.Owner)},
		Setups:  filepath.Join(r.Status.Dir, "setups"),
		Chart:   r.Status.Chart,
		Sandbox: r,
		Times:   sandboxTimes(r.Status.Latency),
	}, nil
}

// stateOf is the state folder that a sandbox's folder is in.
func stateOf(sandboxDir string) string { return filepath.Dir(sandboxDir) }
