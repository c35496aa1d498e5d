package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// enforcement is the label by which a namespace asks to be protected. Setting it
// closes the gate: what runs already is looked at first.
type enforcement struct{ inside }

// includeLabel is what the webhook's registration selects namespaces by.
const includeLabel = "policy.sigstore.dev/include"

func (s enforcement) Info() engine.Info {
	return engine.Info{
		ID: "enforcement", Title: "Enforcement", Needs: []string{"policy"},
		Why:         "nothing is refused until a namespace is labelled; what runs there already is shown first",
		Permissions: s.permits(protects),
	}
}

func (s inside) labelResource() state.Resource {
	return state.Resource{Kind: "kubernetes.label", Name: s.a.Namespace + "#" + includeLabel}
}

// namespace is the one that is protected; nil if it is not there.
func (s inside) namespace(ctx context.Context, c *kube.Cluster) (*corev1.Namespace, error) {
	ns, err := c.Core.CoreV1().Namespaces().Get(ctx, s.a.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up namespace %q: %w", s.a.Namespace, err)
	}
	return ns, nil
}

func (s enforcement) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	missing := engine.Change{Action: engine.Create, Summary: summary}
	c, err := s.reach(ctx, l)
	if err != nil || c == nil {
		return missing, err
	}
	ns, err := s.namespace(ctx, c)
	if err != nil || ns == nil {
		return missing, err
	}
	value, set := ns.Labels[includeLabel]
	entry := l.Entry(s.labelResource())
	change := engine.Change{Action: engine.Update, Summary: summary, Before: []string{"no label " + includeLabel}, After: []string{includeLabel + "=true"}, Drift: true}
	switch {
	case value == "true":
		return settled(l, s.labelResource(), false, summary), nil
	case set:
		change.Before = []string{includeLabel + "=" + value} // somebody's decision, whoever set it first
		return change, nil
	case entry.Phase == state.Made, entry.Phase == state.Found:
		return change, nil
	}
	return missing, nil
}

func (s enforcement) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	c, err := s.need(ctx, l)
	if err != nil {
		return err
	}
	if err := ensureNamespace(ctx, c, l, s.a.Namespace, nil); err != nil {
		return err
	}
	ns, err := s.namespace(ctx, c)
	if err != nil {
		return err
	}
	if ns.Labels[includeLabel] != "true" {
		if err := s.preview(ctx, c, l); err != nil {
			return err
		}
		if err := l.Intend(s.labelResource()); err != nil {
			return err
		}
		if err := s.label(ctx, c, "true"); err != nil {
			return err
		}
	}
	if err := s.awaitAsked(ctx, c, l, s.a.Namespace); err != nil {
		return err
	}
	return adopt(l, s.labelResource(), false, nil)
}

// label sets the label, or with nil takes it off.
func (s enforcement) label(ctx context.Context, c *kube.Cluster, value any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{includeLabel: value}}})
	if err != nil {
		return err
	}
	_, err = c.Core.CoreV1().Namespaces().Patch(ctx, s.a.Namespace, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: kube.Manager})
	if err != nil {
		return fmt.Errorf("label namespace %q: %w", s.a.Namespace, err)
	}
	return nil
}

// awaitAsked waits until the API server really asks the webhook about a
// namespace: it learns of labels and webhooks by watches of its own. The question
// is a dry run of an image that cannot be signed.
func (s enforcement) awaitAsked(ctx context.Context, c *kube.Cluster, l engine.Ledger, namespace string) error {
	image := s.RepositoryPath() + "/signgate-never-signed@sha256:" + fingerprint(nil)
	err := gcp.Retry{For: min(s.patience(), 30*time.Second), When: func(err error) bool { return err != nil }, Notice: func(error) {
		notice(l, "the API server does not ask the webhook yet; waiting")
	}}.Do(ctx, func(ctx context.Context) error {
		answer, err := s.dryRun(ctx, c, namespace, image)
		switch reason, _ := whyDenied(answer); {
		case err != nil:
			return err
		case answer == nil:
			return problem.Raise("gate-not-asked", nil)
		case reason == ReasonWebhookDown:
			return answer
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("protect namespace %q: %w", namespace, err)
	}
	return nil
}

// Undo takes off the label if we set it, and the namespace if we made it.
func (s enforcement) Undo(ctx context.Context, l engine.Ledger) error {
	return s.takeBack(ctx, l, func(ctx context.Context, c *kube.Cluster) error {
		if err := s.open(ctx, c, l); err != nil {
			return err
		}
		for _, name := range []string{s.a.Namespace, previewNamespace(l)} {
			if err := removeNamespace(ctx, c, l, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s enforcement) open(ctx context.Context, c *kube.Cluster, l engine.Ledger) error {
	if !l.Entry(s.labelResource()).Ours() {
		return nil
	}
	ns, err := s.namespace(ctx, c)
	if err != nil || ns == nil {
		return err
	}
	switch value, set := ns.Labels[includeLabel]; {
	case !set:
		return nil
	case value != "true":
		return leaveIt(l, s.labelResource(), "somebody has set it to %q", value)
	}
	return s.label(ctx, c, nil)
}

func (s enforcement) Commands() []string {
	label := shell("kubectl", "label", "--overwrite", "namespace", s.a.Namespace, includeLabel+"=true")
	if s.a.Namespace == metav1.NamespaceDefault {
		return []string{label}
	}
	return []string{shell("kubectl", "create", "namespace", s.a.Namespace), label}
}
