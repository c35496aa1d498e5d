package steps

import (
	"context"
	"regexp"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// beside is a tag under which something lies beside an image: its signature, or what is attested of it.
var beside = regexp.MustCompile(`^sha256-[0-9a-f]{64}\.\w+$`)

// mostListed is how many images of a repository are looked at before it is removed: one call.
const mostListed = 1000

// RepositoryGoes says of the repository of a setup whether its removal takes it, and what it takes
// along. page is the registry's page of the record. What cannot be looked at is not taken for nothing.
func RepositoryGoes(ctx context.Context, rec state.Record, c *gcp.Clients, page engine.Ledger) (keep bool, why string) {
	s := registry{cloud{Names: NamesOf(rec.Answers), c: c}}
	repo, err := s.get(ctx, page)
	if err == nil && repo != nil && !s.mine(page, repo) {
		return true, s.notOurs(repo)
	}
	var others []string
	if err == nil && repo != nil {
		others, err = s.othersImages(ctx, rec)
	}
	switch {
	case err != nil:
		return false, "with everything in it, whoever pushed it"
	case len(others) > 0:
		return false, "with everything in it, and this setup has not pushed " + shortList(others)
	}
	return false, ""
}

// othersImages are those in the repository that are not on record as pushed by this setup.
func (s registry) othersImages(ctx context.Context, rec state.Record) ([]string, error) {
	own := map[string]bool{}
	for _, e := range rec.Entries {
		own[e.Name] = own[e.Name] || e.Kind == "image.manifest" && e.Ours()
	}
	var others []string
	seen := 0
	for i, err := range s.c.Artifacts.ListDockerImages(ctx, &artifactregistrypb.ListDockerImagesRequest{Parent: s.Repository(), PageSize: mostListed}).All() {
		if err != nil {
			return nil, err
		}
		if !own[i.GetUri()] && (len(i.GetTags()) == 0 || !beside.MatchString(i.GetTags()[0])) {
			others = append(others, i.GetUri())
		}
		if seen++; seen == mostListed {
			break
		}
	}
	return others, nil
}
