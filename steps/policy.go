package steps

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
)

// policy is the rule: every image in the repository needs a signature of one
// version of the key. It is in force only once the controller has fetched that
// version's public key from KMS.
type policy struct{ inside }

func (s policy) Info() engine.Info {
	needs := []string{"controller", "key"}
	if s.Federated() {
		needs = append(needs, "workload")
	}
	return engine.Info{
		ID: "policy", Title: "Policy", Needs: needs,
		Why:         "it says which images need whose signature; it is ready only when the cluster has read the public key",
		Permissions: s.permits(writesPolicies),
	}
}

func (s inside) policyResource() state.Resource {
	return state.Resource{Kind: "policy.clusterImagePolicy", Name: s.a.Policy}
}

func (s inside) policySummary() string {
	return fmt.Sprintf("policy %q for %s", s.a.Policy, s.glob())
}

func (s policy) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.policySummary()
	missing := engine.Change{Action: engine.Create, Summary: summary}
	c, err := s.reach(ctx, l)
	if err != nil || c == nil || l.Pin(PinKeyVersion) == "" {
		return missing, err
	}
	now, err := c.Get(ctx, s.policyObject())
	if err != nil || now == nil {
		return missing, err
	}
	mine := ours(l, now.GetLabels())
	if differs := s.policyDiffers(l, now); len(differs) > 0 {
		switch {
		case !mine:
			return blocked(summary, "policy-differs", "a policy %q of somebody else is there, with %s", s.a.Policy, differs[0].has()), nil
		case l.Entry(s.policyResource()).Phase == state.Made:
			before, after := inWords(differs)
			return engine.Change{Action: engine.Update, Summary: summary, Before: before, After: after, Drift: !s.ownChange(l, now)}, nil
		}
		return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}, nil
	}
	ready, words := policyState(now)
	switch {
	case ready:
		return settled(l, s.policyResource(), mine, summary), nil
	case !mine:
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: keyUnread(words)}, nil
	case l.Entry(s.policyResource()).Phase != state.Made:
		return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}, nil
	}
	return engine.Change{Action: engine.Update, Summary: summary, Before: []string{"not ready: " + words}, After: []string{"ready, with the key read"}}, nil
}

func (s policy) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	c, err := s.need(ctx, l)
	if err != nil {
		return err
	}
	now, err := c.Get(ctx, s.policyObject())
	if err != nil {
		return err
	}
	if now != nil && !ours(l, now.GetLabels()) {
		if differs := s.policyDiffers(l, now); len(differs) > 0 {
			return raise("policy-differs", "a policy %q of somebody else is there, with %s", s.a.Policy, differs[0].has())
		}
		return l.Found(s.policyResource(), nil)
	}
	if now == nil || !s.inForce(l, now) {
		if err := l.Intend(s.policyResource()); err != nil {
			return err
		}
		if err := s.put(ctx, c, l, now); err != nil {
			return err
		}
	}
	if err := s.awaitReady(ctx, c, l); err != nil {
		return err
	}
	return l.Made(s.policyResource(), s.policyFacts(l))
}

// inForce says whether the policy is as wanted, and its key read.
func (s inside) inForce(l engine.Ledger, now *unstructured.Unstructured) bool {
	ready, _ := policyState(now)
	return ready && len(s.policyDiffers(l, now)) == 0
}

// put applies the policy. A webhook that was registered a moment ago may not answer yet.
func (s policy) put(ctx context.Context, c *kube.Cluster, l engine.Ledger, now *unstructured.Unstructured) error {
	want, err := s.policyWanted(l)
	if err != nil {
		return err
	}
	if err := freeLeases(ctx, c, l); err != nil {
		return err
	}
	put := c.Apply
	if now != nil {
		if policyRefused(now) {
			touch(want) // the controller reads the key again only if something changes
		}
		if len(s.policyDiffers(l, now)) > 0 {
			put = c.Replace // what somebody added would stay beside what is applied
		}
	}
	return gcp.Retry{For: s.patience(), When: unanswered,
		Notice: func(error) { notice(l, "the policy controller does not answer yet; waiting") },
	}.Do(ctx, func(ctx context.Context) error {
		return put(ctx, s.policyObject(), want)
	})
}

// unanswered says whether the cluster could not ask its webhook, or does not know
// the kind of object yet: both pass soon after the install.
func unanswered(err error) bool {
	reason, _ := whyDenied(err)
	return reason == ReasonWebhookDown || apierrors.IsNotFound(err) || apierrors.IsServiceUnavailable(err)
}

// retouch is how often the controller is made to read the key again.
const retouch = 10 * time.Second

// awaitReady waits until the controller has read the key. A refusal by KMS is
// waited out for a while, since grants take time to be known; it is said at once.
func (s policy) awaitReady(ctx context.Context, c *kube.Cluster, l engine.Ledger) error {
	var words, told string
	look := func(now *unstructured.Unstructured) (ready bool, err error) {
		if now == nil {
			return false, nil
		}
		if ready, words = policyState(now); ready || words == "" {
			return ready, nil
		}
		if words != told {
			told = words
			notice(l, "the policy is not ready: %s", words)
		}
		return false, keyLost(words)
	}
	for deadline := time.Now().Add(s.patience()); ; {
		round, cancel := context.WithTimeout(ctx, min(retouch, time.Until(deadline)))
		err := c.Await(round, s.policyObject(), look)
		over := round.Err() != nil
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !over:
			return err
		case time.Now().After(deadline):
			return keyUnread(words)
		}
		if now, err := c.Get(ctx, s.policyObject()); err != nil || now != nil && policyRefused(now) {
			if err == nil {
				err = s.put(ctx, c, l, now)
			}
			if err != nil {
				return err
			}
		}
	}
}

// Undo removes the policy before its controller goes, which has to let it go
// (a finalizer). Where the controller answers no more, the policy goes with it.
func (s policy) Undo(ctx context.Context, l engine.Ledger) error {
	if !l.Entry(s.policyResource()).Ours() {
		return nil
	}
	return s.takeBack(ctx, l, func(ctx context.Context, c *kube.Cluster) error { return s.remove(ctx, c, l) })
}

func (s policy) remove(ctx context.Context, c *kube.Cluster, l engine.Ledger) error {
	now, err := c.Get(ctx, s.policyObject())
	switch {
	case err != nil || now == nil:
		return err
	case !ours(l, now.GetLabels()):
		return leaveIt(l, s.policyResource(), notLabelled)
	}
	pods, err := controllerPods(ctx, c)
	if err != nil {
		return err
	}
	if podDown(pods) != nil {
		notice(l, "the policy controller is not there to let the policy go; it goes with the controller")
		return nil
	}
	if err := freeLeases(ctx, c, l); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	return c.Delete(within, s.policyObject())
}

// typedKeys are the key versions that Commands name, as cosign writes them and in the
// order that the policy has them in: the oldest first.
func (s cloud) typedKeys() []string {
	versions := slices.Clone(s.typedVersions())
	slices.SortFunc(versions, func(a, b string) int {
		if older(a, b) {
			return -1
		}
		return 1
	})
	var all []string
	for _, v := range versions {
		all = append(all, s.KMSRef(v))
	}
	return all
}

// PolicyKeys are the key versions that the policy of these options names.
func PolicyKeys(a state.Answers, opt Options) []string {
	return cloud{Names: NamesOf(a), typed: opt.KeyVersions}.typedKeys()
}

func (s policy) Commands() []string {
	text, err := assets.Policy(s.a.Policy, s.glob(), s.typedKeys()...)
	if err != nil {
		return nil
	}
	name := shell("clusterimagepolicy/" + s.a.Policy)
	return []string{
		"cat >policy.yaml <<'EOF'\n" + text + "EOF",
		"kubectl apply -f policy.yaml",
		// The controller reads the key when the policy changes, so that a refusal of yesterday's may pass today.
		"kubectl annotate --overwrite " + name + " " + touched + `="$(date +%s)"`,
		"kubectl wait --for=condition=Ready --timeout=5m " + name,
	}
}
