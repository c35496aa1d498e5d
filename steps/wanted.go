package steps

import (
	"github.com/signgate/signgate/state"
)

// Wanted is what a setup comes to, as far as other programs can hold it too: for
// those who go on with one of them.
type Wanted struct {
	Services   []string // APIs
	Algorithm  string
	Repository string // its description
	Account    string // the service account's display name
	Grants     []Grant
	Scopes     []string // of the nodes
	Pool       string   // the setup's own node pool in a cluster of somebody else's, "" if it has none

	ControllerNamespace string
	ControllerRelease   string
	ControllerValues    map[string]any

	Glob  string // the images that the policy is about
	Label string // of the namespace, with the value "true"
}

// Grant is one role of one member on the project, the key or the repository, by its relative name.
type Grant struct{ On, Role, Member string }

// WantedOf is what follows from the answers and the project's number, looking at nothing.
func WantedOf(a state.Answers, number string) Wanted {
	on := cloud{Names: NamesOf(a)}
	w := Wanted{
		Services: services(), Algorithm: algorithm.String(),
		Repository: repositoryDescription, Account: on.accountTitle(),
		Scopes:              on.nodeScopes(),
		ControllerNamespace: controllerNamespace, ControllerRelease: controllerRelease, ControllerValues: on.controllerValues(),
		Glob: inside{cloud: on}.glob(), Label: includeLabel,
	}
	if on.ownPool() {
		w.Pool = poolName
	}
	all := []rights{identity{on}.rights()}
	if on.Federated() {
		all = append(all, workload{on}.rightsOf(number))
	}
	for _, r := range all {
		for _, part := range r.parts {
			for _, role := range part.roles {
				w.Grants = append(w.Grants, Grant{On: part.name, Role: role, Member: r.member})
			}
		}
	}
	return w
}

// BindingOf is a grant as a record names it.
func BindingOf(g Grant) state.Resource { return binding(g.On, g.Role, g.Member) }
