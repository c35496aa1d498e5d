package steps

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// CaseTried is the case of a verdict on an image that somebody asked about.
const CaseTried = "tried"

// Try asks the cluster of a setup whether it would admit an image in the protected
// namespace, by a dry run of a deployment: nothing is stored, nothing runs. The
// verdict's reason says why (Meaning has it as a sentence), its message is what the
// cluster said.
func Try(ctx context.Context, a state.Answers, c *gcp.Clients, image string) (engine.Verdict, error) {
	s := inside{cloud: cloud{NamesOf(a), c}, to: &reached{}}
	v := engine.Verdict{Case: CaseTried, Image: image, Expected: Admitted}
	if _, err := name.ParseReference(image); err != nil {
		p := problem.Raise("answer-invalid", nil)
		p.What = fmt.Sprintf("%q is no image: %v", problem.Clean(image), err)
		return v, p
	}
	k, err := s.need(ctx, silent{})
	if err != nil {
		return v, err
	}
	answer := s.dryRun(ctx, k, a.Namespace, image)
	if answer == nil {
		v.Actual = Admitted
		v.Reason, err = s.whyAdmitted(ctx, k)
		v.OK = v.Reason == ReasonSigned
		v.Message = "a deployment of it would be created in namespace " + a.Namespace
		return v, err
	}
	if !judged(answer) {
		return v, fmt.Errorf("ask the cluster about %s: %w", image, answer)
	}
	v.Actual = Denied
	v.Reason, v.Message = whyDenied(answer)
	v.Reason, err = s.whyReally(ctx, k, v)
	return v, err
}

// whyAdmitted tells a signature that holds from a gate that stands open.
func (s inside) whyAdmitted(ctx context.Context, c *kube.Cluster) (string, error) {
	ns, err := s.namespace(ctx, c)
	if err != nil {
		return "", err
	}
	if ns == nil || ns.Labels[includeLabel] != "true" {
		return ReasonNotAsked, nil
	}
	down, err := gateFault(ctx, c)
	if err != nil || down != nil {
		return ReasonNotAsked, err
	}
	now, err := c.Get(ctx, s.policyObject())
	if err != nil {
		return "", err
	}
	mode := ""
	if now != nil {
		spec, _ := now.Object["spec"].(map[string]any)
		mode, _ = spec["mode"].(string)
	}
	if mode == "warn" {
		return ReasonNotAsked, nil
	}
	return ReasonSigned, nil
}

// whyReally looks behind a refusal whose words can mean two things: no policy may
// be a policy without its key, and no signature one in a format that is not read.
func (s inside) whyReally(ctx context.Context, c *kube.Cluster, v engine.Verdict) (string, error) {
	switch v.Reason {
	case ReasonNoPolicy:
		ref, err := name.ParseReference(v.Image)
		if err != nil || !strings.HasPrefix(ref.Context().Name(), s.RepositoryPath()+"/") {
			return v.Reason, err
		}
		if strings.Contains(strings.TrimPrefix(ref.Context().Name(), s.RepositoryPath()+"/"), "/") {
			return v.Reason, nil // deeper than the policy's pattern goes
		}
		return ReasonPolicyBroken, nil
	case ReasonUnsigned:
		bundle, err := s.bundled(ctx, v)
		if err == nil && bundle {
			return ReasonBundle, nil
		}
	}
	return v.Reason, nil
}

// bundleType is what artifacts of Sigstore's bundle format, in any of its versions, begin with.
const bundleType = "application/vnd.dev.sigstore.bundle"

// bundled says whether something in the bundle format refers to a refused image.
// The refusal names it by digest.
func (s inside) bundled(ctx context.Context, v engine.Verdict) (bool, error) {
	digest := regexp.MustCompile(`sha256:[a-f0-9]{64}`).FindString(v.Message)
	ref, err := name.ParseReference(v.Image)
	if err != nil || digest == "" {
		return false, err
	}
	r := s.registries()
	index, err := remote.Referrers(ref.Context().Digest(digest), remote.WithContext(ctx), remote.WithTransport(r.HTTP), remote.WithAuthFromKeychain(r))
	if err != nil {
		return false, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return false, err
	}
	for _, m := range list.Manifests {
		if strings.HasPrefix(m.ArtifactType, bundleType) {
			return true, nil
		}
	}
	return false, nil
}

// silent is the page of a record for who only looks and keeps none.
type silent struct{ engine.Ledger }

func (silent) Entry(state.Resource) state.Entry { return state.Entry{} }
func (silent) Report(engine.Event)              {}
