package steps

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// policyWebhook is what the webhook calls itself, and begins every refusal with.
const policyWebhook = "policy.sigstore.dev"

// webhook is an object by which the API server knows whom to ask, and what it means that it is gone,
// or that it passes over a controller that does not answer.
type webhook struct {
	kube.Object
	kind       string // of the row in a report
	gone, open effect
}

// effect is what a difference does to the gate, as a problem and as a clause.
type effect struct {
	problem string
	does    engine.Effect
	words   string
}

// webhooks are those about workloads, the one that refuses first, and those about policies.
func webhooks() []webhook {
	hook := func(resource, name, kind string, gone, open effect) webhook {
		return webhook{kube.Object{Resource: admissionv1.SchemeGroupVersion.WithResource(resource), Name: name}, kind, gone, open}
	}
	const (
		validating, mutating = "validatingwebhookconfigurations", "mutatingwebhookconfigurations"
		asks, fills          = "kubernetes.webhook", "kubernetes.mutatingWebhook"
	)
	return []webhook{
		hook(validating, policyWebhook, asks,
			effect{"gate-webhook-missing", engine.Opens, "everything is admitted"},
			effect{"gate-fails-open", engine.MayOpen, "whatever the policy controller does not answer is admitted, so whoever stops it opens the gate"}),
		hook(mutating, policyWebhook, fills,
			effect{"gate-tags-unresolved", engine.Shuts, "no tag is turned into a digest, and images named by a tag are refused"},
			effect{"gate-tags-unresolved", engine.MayShut, "where the policy controller is late with an answer, a tag stays a tag and its image is refused"}),
		hook(validating, "validating.clusterimagepolicy.sigstore.dev", asks,
			effect{"gate-policies-unchecked", engine.MayShut, "a policy is taken as it is written, even if it makes no sense"},
			effect{"gate-policies-unchecked", engine.MayShut, "a policy that is written while the policy controller does not answer is taken unchecked"}),
		hook(mutating, "defaulting.clusterimagepolicy.sigstore.dev", fills,
			effect{"gate-policies-unchecked", engine.MayShut, "what a policy leaves out is not filled in, and may be read in another way than it was meant"},
			effect{"gate-policies-unchecked", engine.MayShut, "what a policy leaves out is not filled in while the policy controller does not answer"}),
	}
}

// tagWebhook is the one that turns tags into digests.
func tagWebhook() webhook { return webhooks()[1] }

// failsShut is how each webhook is to be.
const failsShut = "failurePolicy Fail"

// seen is the failurePolicy with which a webhook is registered, "" if it is not.
func (w webhook) seen(ctx context.Context, c *kube.Cluster) (string, error) {
	now, err := c.Get(ctx, w.Object)
	if err != nil || now == nil {
		return "", err
	}
	hooks, _, _ := unstructured.NestedSlice(now.Object, "webhooks")
	seen := ""
	for _, hook := range hooks {
		h, _ := hook.(map[string]any)
		policy, _ := h["failurePolicy"].(string)
		if policy != "" && policy != string(admissionv1.Fail) {
			return "failurePolicy " + policy, nil
		}
		seen = failsShut
	}
	return seen, nil
}

// registrations are what is seen of each webhook.
func registrations(ctx context.Context, c *kube.Cluster, hooks []webhook) ([]string, error) {
	seen := make([]string, len(hooks))
	all, ctx := errgroup.WithContext(ctx)
	for i, w := range hooks {
		all.Go(func() (err error) {
			seen[i], err = w.seen(ctx, c)
			return err
		})
	}
	return seen, all.Wait()
}

// name is what a webhook is called in a report.
func (w webhook) name() string { return Describe(state.Resource{Kind: w.kind, Name: w.Name}) }

// differs says what it means that a webhook is not as it is to be.
func (w webhook) differs(seen string) (effect, string) {
	if seen == "" {
		return w.gone, fmt.Sprintf("the API server has no %s to ask: %s", w.name(), w.gone.words)
	}
	return w.open, fmt.Sprintf("%s has %s: %s", w.name(), seen, w.open.words)
}

func (w webhook) problem(seen string) *problem.Problem {
	e, words := w.differs(seen)
	return raise(e.problem, "%s", words)
}
