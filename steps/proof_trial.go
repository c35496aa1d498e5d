package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// verdict reads the API server's answer to a trial's deployment.
func (t trial) verdict(answer error) engine.Verdict {
	v := engine.Verdict{Case: t.name, Image: t.image, Expected: t.expected}
	switch {
	case answer != nil:
		v.Actual = engine.Denied
		v.Reason, v.Message = whyDenied(answer)
	case t.expected == engine.Admitted:
		v.Actual, v.Reason, v.Message = engine.Admitted, ReasonSigned, "deployment.apps/"+t.deploy+" created"
	default:
		v.Actual, v.Reason, v.Message = engine.Admitted, ReasonNotAsked, "deployment.apps/"+t.deploy+" created"
	}
	v.OK = v.Actual == v.Expected && slices.Contains(t.reasons, v.Reason)
	return v
}

// unsettled is a verdict that may change by itself.
type unsettled struct{ engine.Verdict }

func (u unsettled) Error() string { return u.Case + ": " + u.Message }

func isUnsettled(err error) bool {
	var u unsettled
	return errors.As(err, &u)
}

// try brings a trial to its verdict. What passes by itself is asked again for a
// while: a policy is Ready before the webhook has read it, a grant is made before
// everybody knows.
func (s proof) try(ctx context.Context, c *kube.Cluster, l engine.Ledger, t trial) (engine.Verdict, error) {
	var v engine.Verdict
	err := gcp.Retry{For: s.patience(), When: isUnsettled, Notice: func(error) {
		notice(l, "%s: not the final answer yet, asking again (%s)", t.name, Meaning(v.Reason))
	}}.Do(ctx, func(ctx context.Context) error {
		answer, err := s.deploy(ctx, c, l, t)
		if err != nil {
			return err
		}
		v = t.verdict(answer)
		if t.name == engine.CaseUnsignedPublic && v.Reason == ReasonUnresolved && t.image == s.a.Image {
			t.image = s.publicByDigest(l) // the public registry does not answer the cluster, and need not
		}
		passes, err := s.passes(ctx, c, l, v)
		if err != nil {
			return err
		}
		if !v.OK && passes {
			return unsettled{v}
		}
		return nil
	})
	if err != nil && !isUnsettled(err) {
		return v, err
	}
	if t.expected == engine.Admitted && v.OK {
		return s.run(ctx, c, l, t, v)
	}
	return v, nil
}

// publicByDigest is the public image by the digest that was copied.
func (s proof) publicByDigest(l engine.Ledger) string {
	return s.SourceName() + "@" + l.Pin(PinImageDigest)
}

// passes says whether a verdict that is not as it must be may still become so.
func (s proof) passes(ctx context.Context, c *kube.Cluster, l engine.Ledger, v engine.Verdict) (bool, error) {
	if v.OK {
		return false, nil
	}
	switch v.Reason {
	case ReasonDenied, ReasonUnreachable, ReasonUnresolved:
		return true, nil
	case ReasonNoPolicy: // the webhook may not have read the policy yet, if there is one to be read
		now, err := c.Get(ctx, s.policyObject())
		return now != nil && s.inForce(l, now), err
	case ReasonWebhookDown: // unless somebody did that, its pods are about to come
		spoiled, err := gateSpoiled(ctx, c)
		return spoiled == nil, err
	}
	return false, nil
}

// deploy creates the trial's deployment and gives the API server's answer to it. One
// that was admitted against expectation is removed at once.
func (s proof) deploy(ctx context.Context, c *kube.Cluster, l engine.Ledger, t trial) (answer, err error) {
	have, err := s.get(ctx, c, t.deploy)
	switch {
	case err != nil:
		return nil, err
	case have != nil && !ours(l, have.Labels):
		return nil, s.foreign()
	case have != nil && t.expected == engine.Admitted: // it is there already, and goes on running
		answer, err := s.dryRun(ctx, c, s.a.Namespace, t.image)
		if err != nil || answer != nil || !scaledToZero(have) {
			return answer, err
		}
		return s.wake(ctx, c, l, t.deploy)
	case have != nil: // left by a run that was cut off
		if err := s.remove(ctx, c, l, t.deploy); err != nil {
			return nil, err
		}
	}
	r := s.deploymentResource(t.deploy)
	if err := l.Intend(r); err != nil {
		return nil, err
	}
	_, answer = c.Core.AppsV1().Deployments(s.a.Namespace).Create(ctx, deployment(t.deploy, t.image, labels(l), s.selector()), metav1.CreateOptions{FieldManager: kube.Manager})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case answer != nil && !judged(answer):
		return nil, fmt.Errorf("create deployment %q: %w", t.deploy, answer)
	case answer == nil && t.expected == engine.Denied:
		if err := s.remove(ctx, c, l, t.deploy); err != nil {
			return nil, err
		}
	case answer == nil:
		return nil, nil
	}
	return answer, l.Gone(r)
}

// wake scales a deployment up from nothing and gives the API server's answer to it. Somebody
// scaled it down: Inspect calls that a change by hand, so this is done only where they agreed.
func (s proof) wake(ctx context.Context, c *kube.Cluster, l engine.Ledger, name string) (answer, err error) {
	if err := l.Intend(s.deploymentResource(name)); err != nil {
		return nil, err
	}
	_, answer = c.Core.AppsV1().Deployments(s.a.Namespace).Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{FieldManager: kube.Manager})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case answer != nil && !judged(answer):
		return nil, fmt.Errorf("scale deployment %q: %w", name, answer)
	}
	return answer, nil
}

// judged says whether an answer comes from a webhook, or for want of one, and not
// from something else: no permission, no connection.
func judged(answer error) bool {
	reason, _ := whyDenied(answer)
	return reason != ReasonOther || apierrors.IsBadRequest(answer) || apierrors.IsInvalid(answer)
}

// run waits until the signed image, admitted, is Available.
func (s proof) run(ctx context.Context, c *kube.Cluster, l engine.Ledger, t trial, v engine.Verdict) (engine.Verdict, error) {
	within, cancel := context.WithTimeout(ctx, s.within())
	defer cancel()
	err := c.AwaitAvailable(within, s.a.Namespace, t.deploy, func(text string) {
		l.Report(engine.Event{Type: engine.TypeProgress, Text: "signed image: " + text, Progress: &engine.Progress{Stage: text}})
	})
	if ctx.Err() != nil {
		return v, ctx.Err()
	}
	var pods *kube.NotAvailableError
	if errors.As(err, &pods) {
		v.OK, v.Reason, v.Message = false, ReasonNotRunning, problem.Clean(err.Error())
		return v, nil
	}
	if err != nil { // not the pods': they could not be looked at
		return v, err
	}
	v.Message += ", and available"
	d := s.deploymentResource(t.deploy)
	if l.Entry(d).Phase == state.Made {
		return v, nil
	}
	return v, l.Made(d, map[string]string{"image": t.image})
}
