package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// site is an opened world: its clients, and where its setups are on record.
type site struct {
	world
	kind    string // as records say it
	dir     string // folder whose setups/ holds the records
	clients *gcp.Clients
	project string // the one that the environment names, "" if none
}

// open reaches the world that was asked for: the sandbox, which is started if need
// be, or Google Cloud as this program's environment leads to it.
func (a *app) open(ctx context.Context) (*site, error) {
	s := &site{kind: "google", project: a.env.project()}
	var err error
	if a.sandbox {
		s.kind = "sandbox"
		if s.world, err = openSandbox(ctx, a); err != nil {
			return nil, err
		}
		s.project = readEnviron(s.Sandbox.Environ(a.env.list)).project()
		a.trust(s.Options.Network.Roots)
	} else if s.world, err = a.realWorld(); err != nil {
		return nil, err
	}
	s.dir = filepath.Dir(s.Setups)
	s.Options.UserAgent = "signgate/" + version()
	if s.clients, err = gcp.Dial(ctx, s.Options); err != nil {
		return nil, err
	}
	s.clients.Connect()
	return s, nil
}

func (s *site) Close() { s.clients.Close() }

// chart is policy-controller's, by its digest: upstream's own, or the one that this world serves in its place.
func (s *site) chart() kube.Chart {
	if c := s.Chart; c != nil {
		return kube.Chart{Repo: c.URL, Name: c.Name, Version: c.Version, Digest: c.Digest}
	}
	return kube.Chart(assets.PolicyController())
}

// registries are asked with the sign-in of this world.
func (s *site) registries() image.Registries {
	return image.Registries{HTTP: s.clients.HTTP, Tokens: s.clients.Tokens}
}

// link is a resource's page in Google's console; what is in the sandbox has none.
func (s *site) link(a state.Answers, r state.Resource) string {
	if s.Sandbox != nil {
		return ""
	}
	return steps.Link(a, r)
}

// realWorld is Google Cloud, by way of the proxy and roots of the environment.
func (a *app) realWorld() (world, error) {
	network, err := a.env.network()
	if err != nil {
		return world{}, err
	}
	return world{Options: gcp.Options{Network: network}, Setups: filepath.Join(a.stateDir, "setups")}, nil
}

// trust has every library in this program trust these roots and no others. macOS
// does not know SSL_CERT_FILE; elsewhere the environment says the same.
func (a *app) trust(roots *x509.CertPool) {
	if !a.trusted {
		x509.SetFallbackRoots(roots) // once in a process, or it panics
		a.trusted = true
	}
}

// recordsDir is where the records of the world that was asked for are, without opening it.
func (a *app) recordsDir() (string, error) {
	if a.sandbox {
		return a.sandboxDir()
	}
	return filepath.Abs(a.stateDir)
}

// pick names the setup on record that a verb is for: the one that was named, the
// only one of the project, the only one there is. "" where there is none.
func (a *app) pick(dir, project string) (string, error) {
	if a.setup != "" {
		return a.setup, nil
	}
	names, err := namesOf(dir, project)
	if err != nil {
		return "", err
	}
	switch len(names) {
	case 0:
		return "", nil
	case 1:
		return names[0], nil
	}
	return "", usagef("several setups are on record (%s); name one: --setup NAME", list(names))
}

// namesOf are the setups of a project, of all if it is ""; one that cannot be read counts by its name.
func namesOf(dir, project string) ([]string, error) {
	if project == "" {
		return state.Names(dir)
	}
	all, err := state.List(dir)
	var names []string
	for _, one := range all {
		if one.Record.Answers.Project == project || one.Err != nil && one.Name == nameFor(state.Answers{Project: project}) {
			names = append(names, one.Name)
		}
	}
	return names, err
}

// existing names the setup that a verb needs to be there.
func (a *app) existing(dir string) (string, error) {
	name, err := a.pick(dir, "")
	if err == nil && name == "" {
		err = noSetup(dir, fmt.Errorf("no setup is on record in %s", dir))
	}
	return name, err
}

// recorded names the setup that a verb needs to be there and reads its record, before any
// world is opened: a damaged one stops here.
func (a *app) recorded() (string, state.Record, error) {
	dir, err := a.recordsDir()
	if err != nil {
		return "", state.Record{}, err
	}
	name, err := a.existing(dir)
	if err != nil {
		return "", state.Record{}, err
	}
	rec, err := state.Read(dir, name)
	if errors.Is(err, state.ErrNotFound) {
		return name, rec, noSetup(dir, err)
	}
	return name, rec, err
}

// bind ties a record to its world, and refuses it in any other. The project's
// number tells two projects of the same name apart; where it cannot be seen, the kind of world must do.
func (s *site) bind(ctx context.Context, store *state.Store) error {
	rec := store.Record()
	p, err := s.clients.GetProject(ctx, rec.Answers.Project)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var signIn *gcp.CredentialsError
	if errors.As(err, &signIn) {
		return err
	}
	if err != nil || p.Number == "" { // the plan says what is wrong with it
		if rec.World.Kind != s.kind {
			return &state.WorldError{Name: rec.Name, Want: rec.World, Have: state.World{Kind: s.kind}}
		}
		return nil
	}
	s.clients.BillTo(rec.Answers.Project)
	return store.Bind(state.World{Kind: s.kind, ProjectNumber: p.Number})
}
