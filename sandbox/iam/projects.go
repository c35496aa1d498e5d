package iam

import (
	"maps"
	"slices"
	"time"
)

// ProjectState is a project's lifecycle.
type ProjectState string

// A deleted project can be undeleted for 30 days; nothing in it works meanwhile.
const (
	Active          ProjectState = "ACTIVE"
	DeleteRequested ProjectState = "DELETE_REQUESTED"
)

// Project is a copy of what the store knows of one.
type Project struct {
	ID             string
	Number         string // 12 digits
	DisplayName    string
	State          ProjectState
	Parent         string // "organizations/N", or as its maker said: "folders/N"
	BillingAccount string // "billingAccounts/…"; "" for none
	Labels         map[string]string
	Enabled        []string             // APIs, sorted
	Since          map[string]time.Time // from when an API that was switched on works
	Ready          time.Time            // when it was made, if that took its time
	Created        time.Time
	Updated        time.Time
	Deleted        time.Time
}

func newProject(id, name, parent string, apis []string, now time.Time) *Project {
	return &Project{
		ID: id, Number: digits(12), DisplayName: name, State: Active, Parent: parent,
		Enabled: slices.Clone(apis), Created: now, Updated: now,
	}
}

func (p *Project) copy() Project {
	c := *p
	c.Labels, c.Enabled, c.Since = maps.Clone(p.Labels), slices.Clone(p.Enabled), maps.Clone(p.Since)
	return c
}

// project finds one by its id or number; the caller holds the lock.
func (k *IAM) project(idOrNumber string) *Project {
	if id, ok := k.numbers[idOrNumber]; ok {
		idOrNumber = id
	}
	p := k.state.Projects[idOrNumber]
	if p != nil && k.clock().Before(p.Ready) { // it is being made
		return nil
	}
	return p
}

// Project looks a project up, deleted ones too.
func (k *IAM) Project(idOrNumber string) (Project, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if p := k.project(idOrNumber); p != nil {
		return p.copy(), true
	}
	return Project{}, false
}

// Projects are all of them, by id.
func (k *IAM) Projects() []Project {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var all []Project
	for _, id := range slices.Sorted(maps.Keys(k.state.Projects)) {
		all = append(all, k.state.Projects[id].copy())
	}
	return all
}

// Enabled says whether an API is on in a project, and works.
func (k *IAM) Enabled(project, api string) bool {
	p, ok := k.Project(project)
	return ok && p.State == Active && k.works(p, api)
}

// on says whether an API is on: that the operation that switched it on is done.
func (k *IAM) on(p Project, api string) bool {
	return slices.Contains(p.Enabled, api) && !k.clock().Before(p.Since[api])
}

// busy says whether an operation that switches APIs on is under way.
func (k *IAM) busy(p *Project) bool {
	for _, from := range p.Since {
		if k.clock().Before(from) {
			return true
		}
	}
	return false
}

// works says whether an API that is on answers.
func (k *IAM) works(p Project, api string) bool {
	if !slices.Contains(p.Enabled, api) {
		return false
	}
	since, ok := p.Since[api]
	return !ok || !k.clock().Before(since.Add(k.slow.Load().EnableService))
}

// switchOn adds APIs, those that are new to work from a time on (zero: at once, whatever
// clocks do).
func (p *Project) switchOn(apis []string, from time.Time) {
	for _, a := range apis {
		if !slices.Contains(p.Enabled, a) && !from.IsZero() {
			if p.Since == nil {
				p.Since = map[string]time.Time{}
			}
			p.Since[a] = from
		}
	}
	p.Enabled = union(p.Enabled, apis)
}

// Enable switches APIs on, with those that they need, as an operation of Service
// Usage does; for worlds that start further on. Billing is not asked for.
func (k *IAM) Enable(project string, apis ...string) error {
	return k.change(func(s *state) error {
		p := k.project(project)
		if p == nil {
			return consumerInvalid("serviceusage.googleapis.com", project)
		}
		p.Enabled = union(p.Enabled, k.apis.closure(apis))
		p.Since = nil
		return nil
	})
}

// union is a sorted set of both.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
