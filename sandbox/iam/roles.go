package iam

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed roles.yaml
var rolesFile []byte

//go:embed roles_elsewhere.yaml
var rolesElsewhereFile []byte

// role is one of Google's predefined ones.
type role struct {
	Name        string              `json:"name"`
	Title       string              `json:"title"`
	Description string              `json:"description"`
	Includes    []string            `json:"includes"` // other roles, whose permissions it has too
	Permissions map[string][]string `json:"permissions"`

	permissions map[string]struct{} // all of them, in full
}

// sorted lists the permissions in full, in alphabetical order.
func (r *role) sorted() []string { return slices.Sorted(maps.Keys(r.permissions)) }

type roles struct {
	byName map[string]*role
	names  []string            // of those that are described here, sorted
	known  map[string]struct{} // every permission that some role gives
}

// predefined are Google's roles, read once in a process: nothing changes them.
var predefined = sync.OnceValues(loadRoles)

// loadRoles reads the embedded definitions. A role may include only those above it.
func loadRoles() (*roles, error) {
	var list []*role
	if err := yaml.UnmarshalStrict(rolesFile, &list); err != nil {
		return nil, fmt.Errorf("read the roles: %w", err)
	}
	all := &roles{byName: map[string]*role{}, known: map[string]struct{}{}}
	for _, r := range list {
		given, err := all.given(*r)
		if err != nil {
			return nil, err
		}
		r.permissions = given
		if err := all.add(r); err != nil {
			return nil, err
		}
	}
	all.names = slices.Sorted(maps.Keys(all.byName))
	return all, all.elsewhere()
}

// elsewhere adds the roles of services that are no part of the sandbox: policies can name
// them, lists leave them out.
func (all *roles) elsewhere() error {
	var groups []struct {
		role
		Roles map[string][]string `json:"roles"` // by service
	}
	if err := yaml.UnmarshalStrict(rolesElsewhereFile, &groups); err != nil {
		return fmt.Errorf("read the roles of other services: %w", err)
	}
	for _, g := range groups {
		given, err := all.given(g.role)
		if err != nil {
			return err
		}
		for service, names := range g.Roles {
			for _, n := range names {
				if err := all.add(&role{Name: "roles/" + service + "." + n, permissions: given}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// given are a role's permissions in full, those of the roles that it includes too.
func (all *roles) given(r role) (map[string]struct{}, error) {
	given := map[string]struct{}{}
	for _, name := range r.Includes {
		if all.byName[name] == nil {
			return nil, fmt.Errorf("read the roles: %s includes %s, which is not above it", r.Name, name)
		}
		maps.Copy(given, all.byName[name].permissions)
	}
	for resource, verbs := range r.Permissions {
		for _, verb := range verbs {
			given[resource+"."+verb] = struct{}{}
		}
	}
	return given, nil
}

func (all *roles) add(r *role) error {
	if all.byName[r.Name] != nil {
		return fmt.Errorf("read the roles: %s is there twice", r.Name)
	}
	all.byName[r.Name] = r
	maps.Copy(all.known, r.permissions)
	return nil
}

// Testable says whether a permission exists on resources of this kind: on a project
// those of all that can be in it, elsewhere those of the resource's own API.
func (k *IAM) Testable(resource, permission string) bool {
	if _, ok := k.roles.known[permission]; !ok {
		return false
	}
	service, rest, _ := strings.Cut(permission, ".")
	kind, verb, _ := strings.Cut(rest, ".")
	collection, below, _ := strings.Cut(resource, "/")
	switch collection {
	case "billingAccounts":
		return service == "billing"
	case "organizations", "folders":
		return true
	}
	if service == "billing" && kind != "resourceCosts" || service == "resourcemanager" && kind != "projects" {
		return false
	}
	if permission == "resourcemanager.projects.create" || permission == "resourcemanager.projects.list" {
		return false
	}
	parts := strings.Split(below, "/")
	if len(parts) < 3 { // a project
		return true
	}
	return service == apiOf(parts) && testableBelow(parts, kind, verb)
}

// apiOf is the API that a resource below a project belongs to, by its collection.
func apiOf(parts []string) string {
	switch slices.DeleteFunc(slices.Clone(parts[1:]), func(s string) bool { return s == "locations" || s == "-" })[0] {
	case "serviceAccounts":
		return "iam"
	}
	if slices.Contains(parts, "keyRings") || slices.Contains(parts, "ekmConnections") || slices.Contains(parts, "ekmConfig") {
		return "cloudkms"
	}
	if slices.Contains(parts, "repositories") {
		return "artifactregistry"
	}
	return "container"
}

// testableBelow says whether a permission is one of a resource itself or of what can be in it.
func testableBelow(parts []string, kind, verb string) bool {
	switch {
	case slices.Contains(parts, "serviceAccounts"):
		return (kind == "serviceAccounts" && verb != "create" && verb != "list") || kind == "serviceAccountKeys"
	case slices.Contains(parts, "cryptoKeys"):
		return (kind == "cryptoKeys" && verb != "create" && verb != "list") || kind == "cryptoKeyVersions"
	case slices.Contains(parts, "importJobs"):
		return kind == "importJobs" && verb != "create" && verb != "list"
	case slices.Contains(parts, "keyRings"):
		return (kind == "keyRings" && verb != "create" && verb != "list") || kind == "cryptoKeys" || kind == "cryptoKeyVersions" || kind == "importJobs"
	case slices.Contains(parts, "repositories"):
		return verb != "create" || kind != "repositories"
	}
	return true
}
