package steps

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"github.com/sigstore/sigstore/pkg/signature"
	"golang.org/x/sync/errgroup"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/state"
)

// KeyUse is what would be hurt by destroying a setup's key.
type KeyUse struct {
	Images []string      // by digest: they stay, and the key has signed them
	Unsure string        // why there may be more; "" if all was looked at
	Grace  time.Duration // how long a version that is to be destroyed can still be restored
}

// Needed says whether the key is better kept.
func (u KeyUse) Needed() bool { return len(u.Images) > 0 || u.Unsure != "" }

// Why says it in a clause.
func (u KeyUse) Why() string {
	if len(u.Images) > 0 {
		return fmt.Sprintf("it has signed %s, which stay; --key removes it all the same", shortList(u.Images))
	}
	return "whether it has signed what stays could not be looked at (" + u.Unsure + "); --key removes it all the same"
}

func shortList(all []string) string {
	if len(all) <= 3 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more images", strings.Join(all[:2], ", "), len(all)-2)
}

// mostSignatures is how many signatures of a project are looked into: each is two calls.
const mostSignatures = 300

// UseOfKey looks for images that outlive the setup's removal and that its key has
// signed: those that `signgate sign` has put on record, and whatever has a signature
// of the key in a repository of the setup's region that is not removed with it. It is
// asked only where the key is this setup's to destroy.
func UseOfKey(ctx context.Context, rec state.Record, c *gcp.Clients, out string) (KeyUse, error) {
	s := key{cloud: cloud{Names: NamesOf(rec.Answers), c: c}, out: out}
	use := KeyUse{Grace: 30 * 24 * time.Hour}
	if !destroysKey(rec) {
		return use, nil
	}
	k, err := c.KMS.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: s.Key()})
	if gcp.NotFound(err) {
		return use, nil
	}
	if err == nil && k.GetDestroyScheduledDuration() != nil {
		use.Grace = k.GetDestroyScheduledDuration().AsDuration()
	}
	var keys []signature.Verifier
	if err == nil {
		keys, err = s.verifiers(ctx)
	}
	if err == nil && len(keys) > 0 {
		use.Images, use.Unsure, err = s.signedThere(ctx, rec, keys)
	}
	if ctx.Err() != nil {
		return use, ctx.Err()
	}
	if err != nil { // what cannot be looked at is not taken for nothing
		use.Unsure = err.Error()
	}
	return use, nil
}

// destroysKey says whether the record has a key, or a version of one, that is this setup's.
func destroysKey(rec state.Record) bool {
	return slices.ContainsFunc(rec.Entries, func(e state.Entry) bool {
		return (e.Kind == "cloudkms.cryptoKey" || e.Kind == "cloudkms.cryptoKeyVersion") && e.Ours()
	})
}

// verifiers are the public halves of the key's versions, as far as they are to be had.
func (s key) verifiers(ctx context.Context) ([]signature.Verifier, error) {
	versions, err := s.versions(ctx)
	if err != nil {
		return nil, err
	}
	var all []signature.Verifier
	for _, v := range versions {
		if v.GetState() != enabled || v.GetAlgorithm() != algorithm {
			continue
		}
		pem, err := s.publicKey(ctx, v)
		if err != nil {
			return nil, err
		}
		k, err := image.PublicKey(pem)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		if pem, err := os.ReadFile(s.path()); err == nil {
			k, err := image.PublicKey(pem)
			return []signature.Verifier{k}, err
		}
	}
	return all, nil
}

// signedThere looks through what is on record and what is in the region's repositories.
func (s key) signedThere(ctx context.Context, rec state.Record, keys []signature.Verifier) (images []string, unsure string, err error) {
	refs := signedByHand(rec)
	found, cut, err := s.signatures(ctx, rec)
	if err != nil {
		return nil, "", err
	}
	for _, ref := range found {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, ref := range refs {
		group.Go(func() error {
			for _, k := range keys {
				good, _, err := s.registries().Signed(groupCtx, ref, k)
				if err != nil {
					return err
				}
				if good {
					mu.Lock()
					images = append(images, ref)
					mu.Unlock()
					return nil
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	slices.Sort(images)
	if cut {
		unsure = fmt.Sprintf("there are more than %d signatures in the region", mostSignatures)
	}
	return images, unsure, nil
}

// WithRepository says whether an image goes with the repository that this setup removes.
func WithRepository(rec state.Record, ref string) bool {
	return strings.HasPrefix(ref, NamesOf(rec.Answers).RepositoryPath()+"/") &&
		slices.ContainsFunc(rec.Entries, func(e state.Entry) bool { return e.Kind == "artifactregistry.repository" && e.Ours() })
}

// goes says whether an image is removed with the setup.
func goes(rec state.Record, ref string) bool {
	own := func(e state.Entry) bool { // the setup's own image in somebody's repository
		return e.Kind == "image.signature" && e.Step != StepSign && e.Name == ref && e.Ours()
	}
	return WithRepository(rec, ref) || slices.ContainsFunc(rec.Entries, own)
}

// signedByHand are the images that `signgate sign` has signed, or may have, and that stay.
func signedByHand(rec state.Record) []string {
	var refs []string
	for _, e := range rec.Entries {
		if e.Step == StepSign && e.Phase != state.Gone && !goes(rec, e.Name) {
			refs = append(refs, e.Name)
		}
	}
	return refs
}

// signatures are the images beside which a signature lies, in the repositories of the
// region that stay. cut says that there are more than are looked into.
func (s key) signatures(ctx context.Context, rec state.Record) (refs []string, cut bool, err error) {
	tag := regexp.MustCompile(`^sha256-([0-9a-f]{64})\.sig$`)
	for repo, err := range s.c.Artifacts.ListRepositories(ctx, &artifactregistrypb.ListRepositoriesRequest{Parent: s.Location()}).All() {
		if err != nil {
			return nil, false, fmt.Errorf("list repositories in %s: %w", s.Region(), err)
		}
		if repo.GetFormat() != artifactregistrypb.Repository_DOCKER || repo.GetName() == s.Repository() && goes(rec, s.RepositoryPath()+"/") {
			continue
		}
		for i, err := range s.c.Artifacts.ListDockerImages(ctx, &artifactregistrypb.ListDockerImagesRequest{Parent: repo.GetName(), PageSize: 1000}).All() {
			if err != nil {
				return nil, false, fmt.Errorf("list images in %s: %w", repo.GetName(), err)
			}
			name, _, _ := strings.Cut(i.GetUri(), "@")
			for _, t := range i.GetTags() {
				hex := tag.FindStringSubmatch(t)
				switch {
				case hex == nil || goes(rec, name+"@sha256:"+hex[1]):
				case len(refs) == mostSignatures:
					return refs, true, nil
				default:
					refs = append(refs, name+"@sha256:"+hex[1])
				}
			}
		}
	}
	return refs, false, nil
}
