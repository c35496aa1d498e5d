package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
	"github.com/signgate/signgate/tui"
)

// backend is what the wizard needs from outside.
type backend struct {
	app *app

	mu    sync.Mutex
	sites []*site // one for each time that it connected; the last is the one to ask
}

// World implements tui.Backend, as all the exported methods but Close do.
func (b *backend) World() tui.World { return tui.World{Sandbox: b.app.sandbox} }

// Connect opens the world and signs in, each time anew: the sandbox or the sign-in may be another
// by then. What it was connected to before stays open, since a session may still be at work there.
func (b *backend) Connect(ctx context.Context, note func(string)) (tui.World, error) {
	note(map[bool]string{true: "opening the sandbox", false: "signing in to Google Cloud"}[b.app.sandbox])
	// What is said on the way goes to the screen, and not over it.
	b.app.Err = noteWriter(note)
	defer func() { b.app.Err = io.Discard }()
	s, err := b.app.open(ctx)
	if err != nil {
		return tui.World{}, err
	}
	if err := s.clients.SignIn(ctx); err != nil {
		s.Close()
		return tui.World{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sites = append(b.sites, s)
	return tui.World{Sandbox: b.app.sandbox, Account: s.clients.Account(), State: s.dir}, nil
}

// noteWriter hands over what is written, line by line.
type noteWriter func(string)

func (w noteWriter) Write(p []byte) (int, error) {
	if text := strings.TrimSpace(string(p)); text != "" {
		w(text)
	}
	return len(p), nil
}

var errNotConnected = errors.New("not connected yet")

func (b *backend) at() (*site, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sites) == 0 {
		return nil, errNotConnected
	}
	return b.sites[len(b.sites)-1], nil
}

// Close ends the connections.
func (b *backend) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sites {
		s.Close()
	}
}

// Setups lists what is on record.
func (b *backend) Setups(context.Context) ([]state.Listed, error) {
	s, err := b.at()
	if err != nil {
		return nil, err
	}
	return state.List(s.dir)
}

// Removing reads it off the tape of the last run.
func (b *backend) Removing(name string) bool {
	s, err := b.at()
	return err == nil && tapedRemoval(state.Folder(s.dir, name))
}

// Projects is a page of those that the account sees.
func (b *backend) Projects(ctx context.Context, filter, token string) (tui.ProjectPage, error) {
	s, err := b.at()
	if err != nil {
		return tui.ProjectPage{}, err
	}
	page, err := s.clients.SearchProjects(ctx, filter, token)
	if err != nil {
		return tui.ProjectPage{}, err
	}
	out := tui.ProjectPage{Next: page.Next}
	for _, p := range page.Projects {
		out.Projects = append(out.Projects, shownProject(p))
	}
	return out, nil
}

func shownProject(p gcp.Project) tui.Project {
	return tui.Project{ID: p.ID, Name: p.Name}
}

// Project looks one up.
func (b *backend) Project(ctx context.Context, id string) (tui.Project, error) {
	s, err := b.at()
	if err != nil {
		return tui.Project{}, err
	}
	p, err := s.clients.GetProject(ctx, id)
	return shownProject(p), err
}

// Regions are those that Cloud KMS has, where it tells, and else those we know of.
func (b *backend) Regions(ctx context.Context, project string) ([]tui.Region, error) {
	s, err := b.at()
	if err != nil {
		return nil, err
	}
	offered, err := s.clients.Regions(ctx, project)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	served := map[string]bool{}
	for _, name := range offered {
		served[name] = true
	}
	var all []tui.Region
	for _, r := range assets.Regions() {
		if err != nil || served[r.Name] { // the API is off in a new project: then nobody tells
			all = append(all, tui.Region{Name: r.Name, Place: r.Place, Note: r.Note})
		}
	}
	return all, nil
}

// Digest is what the image stands for now, on the platform of the nodes.
func (b *backend) Digest(ctx context.Context, a state.Answers) (string, error) {
	s, err := b.at()
	if err != nil {
		return "", err
	}
	img, err := s.registries().Get(ctx, a.Image, steps.NamesOf(a).Platform())
	return img.Digest, err
}

// BillingAccounts are those that could pay for a new project.
func (b *backend) BillingAccounts(ctx context.Context) ([]tui.BillingAccount, error) {
	s, err := b.at()
	if err != nil {
		return nil, err
	}
	found, err := s.clients.BillingAccounts(ctx)
	var all []tui.BillingAccount
	for _, a := range found {
		all = append(all, tui.BillingAccount{Name: a.Name, Display: a.Display})
	}
	return all, err
}

// Preflight looks at what a setup needs. The region is a question that comes after it: what is
// said of the one that stands there meanwhile would be news of something nobody has chosen.
func (b *backend) Preflight(ctx context.Context, a state.Answers, report func(tui.Check)) error {
	s, err := b.at()
	if err != nil {
		return err
	}
	_, err = steps.Preflight(ctx, a, s.clients, func(c tui.Check) {
		if c.ID != steps.LocationCheck {
			report(c)
		}
	})
	return err
}

// Cost prices a setup.
func (b *backend) Cost(a state.Answers) (tui.Cost, bool) { return steps.CostOf(a) }

// Create starts a setup on record. One that is there already takes the answers, as long as
// nothing was made that they would leave behind.
func (b *backend) Create(ctx context.Context, a state.Answers) (tui.Session, error) {
	s, err := b.at()
	if err != nil {
		return nil, err
	}
	if err := invalid(a); err != nil {
		return nil, err
	}
	name := b.app.setup
	if name == "" {
		name = nameFor(a)
	}
	if err := clashes(s, name, a); err != nil {
		return nil, err
	}
	store, err := state.Create(s.dir, name, state.World{Kind: s.kind}, a)
	if errors.Is(err, state.ErrExists) {
		return b.renew(ctx, name, a)
	}
	if err != nil {
		return nil, err
	}
	return b.session(ctx, s, store)
}

func (b *backend) renew(ctx context.Context, name string, a state.Answers) (tui.Session, error) {
	s, err := b.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := s.Change(ctx, a); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Open goes on with a setup.
func (b *backend) Open(ctx context.Context, name string) (tui.Session, error) {
	s, err := b.at()
	if err != nil {
		return nil, err
	}
	store, err := state.Open(s.dir, name)
	if err != nil {
		return nil, err
	}
	return b.session(ctx, s, store)
}

// Standing compares a setup with what is there, and holds it meanwhile. One that
// another process holds is left alone.
func (b *backend) Standing(ctx context.Context, name string) (tui.Standing, error) {
	s, err := b.at()
	if err != nil {
		return tui.Standing{}, err
	}
	store, err := state.Open(s.dir, name)
	if err != nil {
		return tui.Standing{}, err
	}
	defer store.Close()
	session, err := b.app.newSession(ctx, s, store)
	if err != nil {
		return tui.Standing{}, err
	}
	r, err := session.Status(ctx)
	if err != nil {
		return tui.Standing{}, err
	}
	found := tui.Standing{OK: r.OK, Text: r.Gate.Means}
	if r.Gate.State == engine.GateHolds { // and yet something is not as it was
		var differ []string
		for _, f := range r.Findings {
			if f.Differs() {
				differ = append(differ, f.Title+" "+string(f.State))
			}
		}
		found.Text = "the gate holds, but: " + list(differ)
	}
	return found, nil
}

// session makes sure that a typed nil never becomes an interface that is not nil.
func (b *backend) session(ctx context.Context, s *site, store *state.Store) (tui.Session, error) {
	session, err := b.app.newSession(ctx, s, store)
	if err != nil {
		store.Close()
		return nil, err
	}
	session.calls = true // the wizard has a log of them
	return session, nil
}
