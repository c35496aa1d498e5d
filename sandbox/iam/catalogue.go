package iam

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed apis.yaml
var apisFile []byte

// api is a service that can be switched on in a project.
type api struct {
	Name    string   `json:"name"` // "cloudkms.googleapis.com"
	Title   string   `json:"title"`
	Needs   []string `json:"needs"`   // switched on with it
	Billing bool     `json:"billing"` // only where billing is enabled
	Initial bool     `json:"initial"` // on in a new project

	// Identity is its service agent's address before ".iam.gserviceaccount.com", N for the
	// project's number; "none" for an API without one; "" for one named as most are.
	Identity string `json:"identity"`
}

type catalogue struct {
	byName map[string]*api
	all    []*api // by name
}

// published are the APIs, read once in a process: nothing changes them.
var published = sync.OnceValues(loadCatalogue)

func loadCatalogue() (*catalogue, error) {
	c := &catalogue{byName: map[string]*api{}}
	if err := yaml.UnmarshalStrict(apisFile, &c.all); err != nil {
		return nil, fmt.Errorf("read the APIs: %w", err)
	}
	slices.SortFunc(c.all, func(a, b *api) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range c.all {
		c.byName[a.Name] = a
	}
	for _, a := range c.all {
		for _, n := range a.Needs {
			if c.byName[n] == nil {
				return nil, fmt.Errorf("read the APIs: %s needs %s, which is not there", a.Name, n)
			}
		}
	}
	return c, nil
}

// title is the API's name for people.
func (c *catalogue) title(name string) string {
	if a := c.byName[name]; a != nil {
		return a.Title
	}
	return name
}

// agent is the address of the API's service agent in a project; "" if it has none.
func (a *api) agent(number string) string {
	local := a.Identity
	switch local {
	case "none":
		return ""
	case "":
		label, _, _ := strings.Cut(a.Name, ".")
		local = "service-N@gcp-sa-" + label
	}
	return strings.Replace(local, "N", number, 1) + ".iam.gserviceaccount.com"
}

// closure adds what the APIs need, and what that needs.
func (c *catalogue) closure(names []string) []string {
	all := slices.Clone(names)
	for i := 0; i < len(all); i++ {
		if a := c.byName[all[i]]; a != nil {
			for _, n := range a.Needs {
				if !slices.Contains(all, n) {
					all = append(all, n)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// dependents are those of the APIs that need one, and those that need these.
func (c *catalogue) dependents(name string, enabled []string) []string {
	var all []string
	for _, other := range enabled {
		if other != name && slices.Contains(c.closure([]string{other}), name) {
			all = append(all, other)
		}
	}
	slices.Sort(all)
	return all
}

// initial are the APIs that are on in a new project.
func (c *catalogue) initial() []string {
	var names []string
	for _, a := range c.all {
		if a.Initial {
			names = append(names, a.Name)
		}
	}
	return names
}
