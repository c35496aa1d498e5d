package steps

import (
	"cmp"
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
)

// gateAfter asks the gate, by dry runs, whether it still lets in what it should and
// nothing by a stranger's key, once the keys that it accepts have changed.
type gateAfter struct {
	proof
	needs []string
}

func (s gateAfter) Info() engine.Info {
	info := s.proof.Info()
	info.Title, info.Needs, info.Why = "Gate", s.needs, "a policy is accepted before the webhook has read it: only its answers tell"
	return info
}

func (s gateAfter) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := fmt.Sprintf("the gate of namespace %q holds", s.a.Namespace)
	c, err := s.reach(ctx, l)
	if err != nil || c == nil || !onRecord(l.Entry(s.deploymentResource(s.app()))) {
		return engine.Change{Action: engine.None, Summary: "there is no gate to be asked"}, err
	}
	bad, err := s.wrong(ctx, c, l)
	switch {
	case err != nil:
		return engine.Change{}, err
	case bad != nil:
		return engine.Change{Action: engine.Update, Summary: summary, Before: []string{bad.Case + " " + bad.Actual}, After: []string{bad.Expected}}, nil
	}
	return engine.Change{Action: engine.None, Summary: summary}, nil
}

// wrong is the answer that should be another one; nil if there is none.
func (s gateAfter) wrong(ctx context.Context, c *kube.Cluster, l engine.Ledger) (*engine.Verdict, error) {
	verdicts, err := s.rehearse(ctx, c, l, s.trials(l), &appsv1.Deployment{})
	for _, v := range verdicts {
		if (v.Case == engine.CaseSigned || v.Case == engine.CaseWrongKey) && v.Actual != v.Expected {
			return &v, err
		}
	}
	return nil, err
}

// Apply waits until the gate answers as it should; what keeps it from that is said if it does not.
func (s gateAfter) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	c, err := s.need(ctx, l)
	if err != nil {
		return err
	}
	err = gcp.Retry{For: s.patience(), When: isUnsettled, Notice: func(error) {
		notice(l, "the webhook does not judge by the new policy yet; asking again")
	}}.Do(ctx, func(ctx context.Context) error {
		bad, err := s.wrong(ctx, c, l)
		if err == nil && bad != nil {
			err = unsettled{*bad}
		}
		return err
	})
	if !isUnsettled(err) {
		return err
	}
	running, err := s.get(ctx, c, s.app())
	if err != nil {
		return err
	}
	verdicts, err := s.rehearse(ctx, c, l, s.trials(l), cmp.Or(running, &appsv1.Deployment{}))
	if err != nil {
		return err
	}
	p, err := s.judge(ctx, c, l, verdicts)
	if err == nil && p != nil {
		err = p
	}
	return err
}
