// Package steps holds the thirteen steps from an empty project to a cluster that
// runs only signed images, a file each. A step knows one thing: how to see
// whether it is there, how to make it, and how to take back what it made. Steps
// pass one another nothing: every name follows from the answers, everything else
// is looked up again. They never print. A fourteenth is there only where pods have
// identities of their own.
package steps

import (
	"slices"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
)

// Options are what the steps need besides the answers and the clients.
type Options struct {
	OutDir string     // the setup's own folder: cosign.pub goes there
	Chart  kube.Chart // of policy-controller, with the digest that it must have
	// KeyVersions are the numbers of those that Commands name: the one that signs, and one that
	// is accepted besides. None is a new key's first.
	KeyVersions []string
	// KeepKey says why Undo leaves the key's versions as they are; "" if it does not.
	KeepKey string
	// Patience is how long what is only eventually so is waited for: grants, a policy
	// that the webhook has not read yet. 0: as long as Google's documentation says.
	Patience time.Duration
}

// grounds is what steps are made of: those on Google's side, and those in the cluster.
func grounds(a state.Answers, c *gcp.Clients, opt Options) (cloud, inside) {
	on := cloud{Names: NamesOf(a), c: c, typed: opt.KeyVersions}
	return on, inside{on, &reached{}, opt.Patience}
}

// List is the whole product: every step, in an order in which they could run one
// by one. What a step needs is in its Info; the rest runs side by side.
func List(a state.Answers, c *gcp.Clients, opt Options) []engine.Step {
	on, in := grounds(a, c, opt)
	all := []engine.Step{
		project{on},                      // a project that is ours to change, with billing and every permission
		apis{on},                         // the APIs that the rest calls
		keyring{on},                      // a key ring in the region
		key{on, opt.OutDir, opt.KeepKey}, // a signing key in it, its public half in cosign.pub
		registry{on},                     // a private repository for images and signatures
		copied{on},                       // the public image in it, by digest, and two for the proof
		signing{on, opt.OutDir},          // a signature of that digest by that key, beside it
		identity{on},                     // the nodes' own service account with six narrow roles
		cluster{on},                      // a cluster whose nodes run as it
		workload{on},                     // what the policy controller may do as itself, where pods have identities
		controller{in, opt.Chart},        // the policy controller in it, by Helm
		policy{in},                       // the rule: this repository's images need a signature of that key
		enforcement{in},                  // a namespace under that rule
		proof{in},                        // four live deployments: three refused for the right reason, one running
	}
	if a.Federated() {
		return all
	}
	return slices.DeleteFunc(all, func(s engine.Step) bool { return s.Info().ID == "workload" })
}
