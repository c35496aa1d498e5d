package steps

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/kms/apiv1/kmspb"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// Carried tells of what is there by the names of these answers which setup made it, as its
// labels say: for whoever has lost a setup's record. Key rings, roles, images and signatures
// carry none.
type Carried struct {
	Setup string         // id of the setup
	On    state.Resource // what carries it
}

// WhoMade looks at everything on Google's side that can carry the id of a setup. What is not
// there, or may not be looked at, tells nothing.
func WhoMade(ctx context.Context, a state.Answers, c *gcp.Clients) ([]Carried, error) {
	n := NamesOf(a)
	on := cloud{Names: n, c: c}
	var all []Carried
	note := func(r state.Resource, labels map[string]string) {
		if labels[labelManager] == manager && labels[labelSetup] != "" {
			all = append(all, Carried{labels[labelSetup], r})
		}
	}
	if k, err := c.KMS.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: n.Key()}); err == nil {
		note(key{cloud: on}.resource(), k.GetLabels())
	}
	if repo, err := c.Artifacts.GetRepository(ctx, &artifactregistrypb.GetRepositoryRequest{Name: n.Repository()}); err == nil {
		note(registry{on}.resource(), repo.GetLabels())
	}
	if account, err := c.IAM.GetServiceAccount(ctx, &adminpb.GetServiceAccountRequest{Name: n.Account()}); err == nil {
		note(identity{cloud: on}.resource(), described(account.GetDescription()))
	}
	if it, err := c.GKE.GetCluster(ctx, &containerpb.GetClusterRequest{Name: n.Cluster()}); err == nil {
		note(cluster{on}.resource(), it.GetResourceLabels())
	}
	return all, ctx.Err()
}

// labelled finds labels in a text: a service account has a description instead of labels.
var labelled = regexp.MustCompile(`\b(` + labelManager + `|` + labelSetup + `)=([a-z0-9-]+)`)

func described(text string) map[string]string {
	labels := map[string]string{}
	for _, m := range labelled.FindAllStringSubmatch(text, -1) {
		labels[m[1]] = m[2]
	}
	return labels
}

// Lost says of what another setup made and still has, beside a key, whose names these answers
// would use: the setup's id, and what carries it. Keys outlive their setups.
func Lost(all []Carried) (setup string, what string) {
	var names []string
	for _, c := range all {
		if c.On.Kind != "cloudkms.cryptoKey" {
			setup = c.Setup
		}
	}
	for _, c := range all {
		if c.Setup == setup {
			names = append(names, Describe(c.On))
		}
	}
	return setup, strings.Join(names, ", ")
}

// adoptLine is the command that takes over what a setup made whose record is lost.
func adoptLine(setup string) string { return fmt.Sprintf("signgate apply --adopt %s", setup) }
