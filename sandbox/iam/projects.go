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
	Enabled        []string // APIs, sorted
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
	c.Labels, c.Enabled = maps.Clone(p.Labels), slices.Clone(p.Enabled)
	return c
}

// project finds one by its id or number; the caller holds the lock.
func (k *IAM) project(idOrNumber string) *Project {
	if id, ok := k.numbers[idOrNumber]; ok {
		idOrNumber = id
	}
	return k.state.Projects[idOrNumber]
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

// Enabled says whether an API is on in a project.
func (k *IAM) Enabled(project, api string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	p := k.project(project)
	return p != nil && p.State == Active && slices.Contains(p.Enabled, api)
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
		return nil
	})
}

// union is a sorted set of both.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// SetIdentityPool notes that a workload identity pool ("P.svc.id.goog") exists, so
// that policies may name its members. Kubernetes Engine makes it with the first
// cluster that uses it.
func (k *IAM) SetIdentityPool(name string) error {
	return k.change(func(s *state) error {
		s.IdentityPools[name] = true
		return nil
	})
}
