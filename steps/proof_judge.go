package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
)

// judge says what is wrong with the gate, from the verdicts and from a look at what
// could have led to them; nil if it holds. The cause nearest to the gate comes
// first: with nobody to answer, what the policy says matters little. What the gate
// is made of is looked at even if all verdicts are right: a webhook that would fail
// open answers rightly as long as it answers, and the API server may not have
// noticed yet that a label is gone.
func (s proof) judge(ctx context.Context, c *kube.Cluster, l engine.Ledger, verdicts []engine.Verdict) (*problem.Problem, error) {
	of := map[string]engine.Verdict{}
	ok := true
	for _, v := range verdicts {
		of[v.Case] = v
		ok = ok && v.OK
	}
	looks := []func(context.Context, *kube.Cluster, engine.Ledger, map[string]engine.Verdict) (*problem.Problem, error){
		s.judgeGate, s.judgeLabel, s.judgePolicy, s.judgeImages, s.judgeSigned,
	}
	if ok {
		looks = looks[:3]
	}
	for _, look := range looks {
		if p, err := look(ctx, c, l, of); p != nil || err != nil {
			return withWords(p, of), err
		}
	}
	if ok {
		return nil, nil
	}
	return withWords(problem.Raise("gate-unexpected", nil), of), nil
}

func (s proof) judgeGate(ctx context.Context, c *kube.Cluster, _ engine.Ledger, _ map[string]engine.Verdict) (*problem.Problem, error) {
	return gateFault(ctx, c)
}

// withWords adds what the cluster said of each case that went wrong, unless the problem has words of its own.
func withWords(p *problem.Problem, of map[string]engine.Verdict) *problem.Problem {
	if p == nil || p.Words != "" {
		return p
	}
	var words []string
	for _, name := range engine.Cases() {
		if v := of[name]; !v.OK {
			words = append(words, fmt.Sprintf("%s: %s (%s): %s", name, v.Actual, v.Reason, v.Message))
		}
	}
	p.Words = strings.Join(words, "\n")
	return p
}

// judgeLabel looks at whether the namespace asks to be protected.
func (s proof) judgeLabel(ctx context.Context, c *kube.Cluster, _ engine.Ledger, _ map[string]engine.Verdict) (*problem.Problem, error) {
	ns, err := s.namespace(ctx, c)
	if err != nil || ns != nil && ns.Labels[includeLabel] == "true" {
		return nil, err
	}
	return raise("gate-label-missing", "namespace %q is not labelled %s=true, so nothing in it is checked", s.a.Namespace, includeLabel), nil
}

// judgePolicy looks at the policy: is it there, has it read its key, does it demand what it should.
func (s proof) judgePolicy(ctx context.Context, c *kube.Cluster, l engine.Ledger, of map[string]engine.Verdict) (*problem.Problem, error) {
	now, err := c.Get(ctx, s.policyObject())
	if err != nil {
		return nil, err
	}
	if now == nil {
		return raise("gate-policy-missing", "policy %q is gone: every image is refused, signed or not", s.a.Policy), nil
	}
	if differs := s.policyDiffers(l, now); len(differs) > 0 {
		first, id := differs[0], "gate-policy-differs"
		if first.about == ofKeys && len(first.is) > 0 {
			id = "gate-other-key"
		}
		return raise(id, "policy %q has %s, not %s", s.a.Policy, first.has(), first.wants()), nil
	}
	if ready, words := policyState(now); !ready {
		p := raise("gate-policy-keyless", "policy %q could not read its key: every image is refused, signed or not", s.a.Policy)
		p.Words = problem.Clean(words)
		return p, nil
	}
	if of[engine.CaseSigned].Reason == ReasonNoPolicy {
		return raise("gate-policy-unread", "policy %q is ready, but the webhook judges without it", s.a.Policy), nil
	}
	return nil, nil
}

// judgeImages looks at whether the images that are to be refused are still what they were made as.
func (s proof) judgeImages(ctx context.Context, _ *kube.Cluster, l engine.Ledger, of map[string]engine.Verdict) (*problem.Problem, error) {
	unsigned := l.Pin(PinUnsignedDigest)
	if !of[engine.CaseUnsignedPrivate].OK {
		found, err := s.registries().Find(ctx, s.ImageName()+":"+image.SignatureTag(unsigned))
		if err != nil {
			return nil, err
		}
		if found != "" {
			return raise("gate-unsigned-signed", "the image that was to stay unsigned has been signed: %s@%s", s.ImageName(), unsigned), nil
		}
	}
	if of[engine.CaseWrongKey].Reason == ReasonUnsigned {
		return raise("gate-wrong-key-unsigned", "the image signed by another key has lost that signature"), nil
	}
	for _, name := range []string{engine.CaseUnsignedPublic, engine.CaseUnsignedPrivate, engine.CaseWrongKey} {
		if of[name].Actual == engine.Admitted {
			return raise("gate-open", "the cluster admitted an image that it should have refused (%s)", name), nil
		}
	}
	return nil, nil
}

// judgeSigned looks at why the signed image does not run.
func (s proof) judgeSigned(_ context.Context, _ *kube.Cluster, l engine.Ledger, of map[string]engine.Verdict) (*problem.Problem, error) {
	switch of[engine.CaseSigned].Reason {
	case ReasonUnsigned:
		return raise("gate-signature-missing", "the signature of %s@%s is gone from the registry", s.ImageName(), l.Pin(PinImageDigest)), nil
	case ReasonWrongKey:
		return raise("gate-other-key", "the signature of the signed image is not by the policy's key"), nil
	case ReasonNotRunning:
		return raise("gate-signed-not-running", "the signed image is admitted, but does not come to run"), nil
	}
	for _, name := range []string{engine.CaseUnsignedPrivate, engine.CaseWrongKey, engine.CaseSigned, engine.CaseUnsignedPublic} {
		switch of[name].Reason {
		case ReasonDenied:
			return problem.Raise("gate-registry-denied", nil), nil
		case ReasonUnreachable, ReasonUnresolved:
			return problem.Raise("gate-registry-unreachable", nil), nil
		}
	}
	return nil, nil
}
