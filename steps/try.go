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

// Try asks the cluster of a setup whether it would admit an image in the protected
// namespace, by a dry run of a deployment: nothing is stored, nothing runs. The
// verdict's reason says why (Meaning has it as a sentence), its message is what the
// cluster said.
func Try(ctx context.Context, a state.Answers, c *gcp.Clients, image string) (engine.Verdict, error) {
	if _, err := name.ParseReference(image); err != nil {
		p := problem.Raise("answer-invalid", nil)
		p.What = fmt.Sprintf("%q is no image: %v", problem.Clean(image), err)
		return engine.Verdict{}, p
	}
	return Asking(ctx, a, c)(image)
}

// Asking is Try for an image that is still being made ready: meanwhile the cluster is reached and
// its gate looked at. The function that it gives asks.
func Asking(ctx context.Context, a state.Answers, c *gcp.Clients) func(image string) (engine.Verdict, error) {
	s := inside{cloud: cloud{Names: NamesOf(a), c: c}, to: &reached{}}
	reach := later(func() (*kube.Cluster, error) { return s.need(ctx, silent{}) })
	refuses := later(func() (bool, error) {
		k, err := reach()
		if err != nil {
			return false, err
		}
		return s.refuses(ctx, k)
	})
	return func(image string) (engine.Verdict, error) {
		v := engine.Verdict{Case: engine.CaseTried, Image: image, Expected: engine.Admitted}
		k, err := reach()
		if err != nil {
			return v, err
		}
		answer, err := s.dryRun(ctx, k, a.Namespace, image)
		if err != nil {
			return v, err
		}
		if answer == nil {
			v.Actual, v.Reason = engine.Admitted, ReasonNotAsked
			v.OK, err = refuses()
			if v.OK {
				v.Reason = ReasonSigned
			}
			v.Message = "a deployment of it would be created in namespace " + a.Namespace
		} else {
			v.Actual = engine.Denied
			v.Reason, v.Message = whyDenied(answer)
			err = s.whyReally(ctx, k, &v)
		}
		v.Fix = remedy(v.Reason, image)
		return v, err
	}
}

// later starts what takes a while, and gives what waits for its answer.
func later[T any](f func() (T, error)) func() (T, error) {
	var v T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		v, err = f()
	}()
	return func() (T, error) {
		<-done
		return v, err
	}
}

// refuses tells a gate that an image passes by its signature from one that stands open.
func (s inside) refuses(ctx context.Context, c *kube.Cluster) (bool, error) {
	ns, err := s.namespace(ctx, c)
	if err != nil || ns == nil || ns.Labels[includeLabel] != "true" {
		return false, err
	}
	down, err := gateFault(ctx, c)
	if err != nil || down != nil {
		return false, err
	}
	now, err := c.Get(ctx, s.policyObject())
	if err != nil {
		return false, err
	}
	mode := ""
	if now != nil {
		spec, _ := now.Object["spec"].(map[string]any)
		mode, _ = spec["mode"].(string)
	}
	return mode != "warn" && !letsIn(now), nil
}

// whyReally looks behind a refusal whose words can mean two things: no policy may
// be a policy without its key, no signature one in a format that is not read, and
// either a tag that cannot be resolved or a missing signature an image that is not there.
func (s inside) whyReally(ctx context.Context, c *kube.Cluster, v *engine.Verdict) error {
	ref, err := name.ParseReference(v.Image)
	if err != nil {
		return nil
	}
	switch v.Reason {
	case ReasonNoPolicy:
		if s.covers(ref) {
			return s.whyBroken(ctx, c, v)
		}
	case ReasonUnresolved, ReasonUnsigned:
		// What cannot be looked at from here is left as the cluster has it.
		switch found, err := s.registries().Find(ctx, v.Image); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && found == "", err != nil && problem.From(err).ID == "image-not-found":
			v.Reason = ReasonMissing
			return nil
		case err != nil && problem.From(err).ID == "unreachable":
			v.Reason = ReasonUnreachable
			return nil
		}
		if bundle, err := s.bundled(ctx, *v); v.Reason == ReasonUnsigned && err == nil && bundle {
			v.Reason = ReasonBundle
		}
		if v.Reason == ReasonUnresolved {
			return s.whyUnresolved(ctx, c, v)
		}
	}
	return nil
}

// whyUnresolved tells a tag that nobody was asked about from one that could not be looked up.
func (s inside) whyUnresolved(ctx context.Context, c *kube.Cluster, v *engine.Verdict) error {
	seen, err := tagWebhook().seen(ctx, c)
	if err == nil && seen == "" {
		v.Reason = ReasonUnasked
	}
	return err
}

// covers says whether the setup's policy is about an image: those right in the repository,
// as deep as its pattern goes.
func (s inside) covers(ref name.Reference) bool {
	rest, in := strings.CutPrefix(ref.Context().Name(), s.RepositoryPath()+"/")
	return in && !strings.Contains(rest, "/")
}

// whyBroken adds why the policy is not in force, in the controller's words where it has any.
func (s inside) whyBroken(ctx context.Context, c *kube.Cluster, v *engine.Verdict) error {
	v.Reason = ReasonPolicyBroken
	now, err := c.Get(ctx, s.policyObject())
	switch {
	case err != nil:
		return err
	case now == nil:
		v.Message += fmt.Sprintf("\npolicy %q is gone", s.a.Policy)
	default:
		if ready, words := policyState(now); !ready && words != "" {
			v.Message += "\n" + problem.Clean(words)
		}
	}
	return nil
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
