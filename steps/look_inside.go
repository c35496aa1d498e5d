package steps

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
)

func (s controller) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	wanted := s.wantedRelease(l)
	f := finding(l, s.resource(), cmp.Or(releaseWords(wanted), "a policy controller"))
	c, err := s.reach(ctx, l)
	if err != nil || c == nil {
		return []engine.Finding{means(is(f, ""), engine.Harmless, repairMissing, "")}, err
	}
	rel, err := c.Release(ctx, controllerNamespace, controllerRelease)
	if err != nil {
		return nil, err
	}
	if wanted == nil && rel != nil { // somebody else's may be any
		wanted, f.Wanted = rel, releaseWords(rel)
	}
	f = is(f, releaseWords(rel))
	effect, repair, because := engine.Opens, repairMissing, "the policy controller is uninstalled: nothing is checked any more"
	if rel != nil {
		effect, repair = engine.MayShut, repairChanged("controller")
		because = changedRelease(rel, wanted)
	}
	all := []engine.Finding{means(f, effect, repair, because)}
	if !onRecord(l.Entry(s.resource())) {
		return all, nil
	}
	more, err := s.lookGate(ctx, c, l)
	return append(all, more...), err
}

// wantedRelease is the release as it was installed: a newer signgate that wants
// another chart is no drift. Of one that was found it is not known, nil.
func (s controller) wantedRelease(l engine.Ledger) *kube.Release {
	version := s.chart.Version
	if e := l.Entry(s.resource()); e.Facts["chart"] != "" {
		version = e.Facts["chart"]
	} else if e.Phase == state.Found {
		return nil
	}
	return &kube.Release{Version: version, Status: "deployed", Values: s.controllerValues()}
}

// releaseWords are "" for none.
func releaseWords(rel *kube.Release) string {
	if rel == nil {
		return ""
	}
	return fmt.Sprintf("chart %s, %s, values %v", rel.Version, rel.Status, rel.Values)
}

// lookGate looks at what refuses: the webhooks' registrations and their pods. Which of
// both is missing makes the difference between a gate that is open and one that is shut.
func (s controller) lookGate(ctx context.Context, c *kube.Cluster, l engine.Ledger) ([]engine.Finding, error) {
	row := func(kind, name, wanted string) engine.Finding {
		f := finding(l, state.Resource{Kind: kind, Name: name}, wanted)
		f.Recorded = l.Entry(s.resource()).Phase
		return f
	}
	hooks := webhooks()
	seenOf, err := registrations(ctx, c, hooks)
	if err != nil {
		return nil, err
	}
	var all []engine.Finding
	for i, w := range hooks {
		e, because := w.differs(seenOf[i])
		all = append(all, means(is(row(w.kind, w.Name, failsShut), seenOf[i]), e.does, repairChanged("controller"), because))
	}
	failsOpen := seenOf[0] != "" && seenOf[0] != failsShut
	d, err := controllerPods(ctx, c)
	if err != nil {
		return nil, err
	}
	pods := row("kubernetes.deployment", controllerNamespace+"/"+controllerDeployment, "available")
	repair := repairChanged("controller")
	seen := podWords(d)
	if seen == "no pod available" {
		repair = repairMissing
	}
	effect, end := engine.Shuts, "nobody answers the webhook"
	if failsOpen {
		effect, end = engine.Opens, "nobody answers the webhook, which fails open"
	}
	what := map[string]string{"": " is gone: ", "scaled to zero": " is scaled to zero: ", "no pod available": " has no running pod: "}[seen]
	return append(all, means(is(pods, seen), effect, repair, "deployment "+pods.Resource.Name+what+end)), nil
}

func podWords(d *appsv1.Deployment) string {
	switch {
	case d == nil:
		return ""
	case scaledToZero(d):
		return "scaled to zero"
	case d.Status.AvailableReplicas == 0:
		return "no pod available"
	}
	return "available"
}

func (s policy) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	wanted := "ready, " + strings.Join(s.policyWords(l), ", ")
	f := finding(l, s.policyResource(), wanted)
	c, err := s.reach(ctx, l)
	if err != nil || c == nil || l.Pin(PinKeyVersion) == "" {
		return []engine.Finding{means(is(f, ""), engine.Harmless, repairMissing, "")}, err
	}
	now, err := c.Get(ctx, s.policyObject())
	if err != nil {
		return nil, err
	}
	if now == nil {
		return []engine.Finding{means(is(f, ""), engine.Shuts, repairMissing,
			fmt.Sprintf("policy %q is gone, and what no policy is about is refused, signed or not", s.a.Policy))}, nil
	}
	if differs := s.policyDiffers(l, now); len(differs) > 0 {
		before, _ := inWords(differs)
		effect, because := s.edited(l, differs)
		return []engine.Finding{means(is(f, strings.Join(before, ", ")), effect, s.policyRepair(l, now), because)}, nil
	}
	if ready, words := policyState(now); !ready {
		if words == "" {
			words = "the controller has not judged it yet"
		}
		return []engine.Finding{means(is(f, "not ready: "+words), engine.Shuts, repairMissing,
			fmt.Sprintf("policy %q has not read its key, and is not in force (%s)", s.a.Policy, words))}, nil
	}
	return []engine.Finding{is(f, wanted)}, nil
}

// policyRepair is overwriting for a person's change, and plain applying for one of our own
// that was cut off.
func (s policy) policyRepair(l engine.Ledger, now *unstructured.Unstructured) string {
	if s.ownChange(l, now) {
		return repairMissing
	}
	return repairChanged("policy")
}

// policyWords are what the policy has to demand.
func (s inside) policyWords(l engine.Ledger) []string {
	return []string{"images " + s.glob(), "key " + strings.Join(s.keys(l), ", "), "mode enforce"}
}

func (s enforcement) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	f := finding(l, s.labelResource(), includeLabel+"=true")
	c, err := s.reach(ctx, l)
	if err != nil || c == nil {
		return []engine.Finding{means(is(f, ""), engine.Harmless, repairMissing, "")}, err
	}
	ns, err := s.namespace(ctx, c)
	if err != nil {
		return nil, err
	}
	seen, repair := "", repairMissing
	if ns != nil {
		value, set := ns.Labels[includeLabel]
		seen, repair = when(set, includeLabel+"="+value), repairChanged("enforcement")
	}
	return []engine.Finding{means(is(f, seen), engine.Opens, repair,
		fmt.Sprintf("namespace %q is not labelled %s=true: nothing in it is checked", s.a.Namespace, includeLabel))}, nil
}

// gateKind is the kind of the finding that the gate itself gives when it is asked.
const gateKind = "gate"

func (s proof) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	app := finding(l, s.deploymentResource(s.app()), "available")
	c, err := s.reach(ctx, l)
	trials := s.trials(l)
	if err != nil || c == nil || trials == nil {
		return []engine.Finding{means(is(app, ""), engine.Harmless, repairMissing, "")}, err
	}
	d, err := s.get(ctx, c, s.app())
	if err != nil {
		return nil, err
	}
	repair := repairMissing
	if scaledToZero(d) {
		repair = repairChanged("proof")
	}
	app = means(is(app, podWords(d)), engine.Harmless, repair, "the deployment of the signed image does not run: signed images are still admitted, this one just is not there")
	if !onRecord(l.Entry(app.Resource)) {
		return []engine.Finding{app}, nil
	}
	gate, err := s.askGate(ctx, c, l, trials, d)
	if err != nil {
		return []engine.Finding{app}, err
	}
	return []engine.Finding{app, gate}, nil
}

// askGate has the gate itself say how it is, by dry runs of the proof's four images.
func (s proof) askGate(ctx context.Context, c *kube.Cluster, l engine.Ledger, trials []trial, running *appsv1.Deployment) (engine.Finding, error) {
	f := engine.Finding{Resource: state.Resource{Kind: gateKind, Name: s.a.Namespace}, Title: "the gate of namespace " + s.a.Namespace + ", asked just now",
		Recorded: state.Made, Wanted: "three images refused for the right reasons, the signed one admitted"}
	verdicts, err := s.rehearse(ctx, c, l, trials, cmp.Or(running, &appsv1.Deployment{}))
	if err != nil {
		return engine.Finding{}, err
	}
	for i := range verdicts {
		l.Report(s.event(&verdicts[i]))
	}
	p, err := s.judge(ctx, c, l, verdicts)
	if err != nil || p == nil || p.ID == "gate-signed-not-running" && scaledToZero(running) { // admitted; the deployment's own row tells the rest
		return is(f, f.Wanted), err
	}
	return means(is(f, p.What), gateEffect(p.ID, verdicts), p.Fix, p.What), nil
}

// gateEffect is what a problem of the proof means; where it does not say, the verdicts do.
func gateEffect(id string, verdicts []engine.Verdict) engine.Effect {
	switch id {
	case "gate-label-missing", "gate-webhook-missing", "gate-open":
		return engine.Opens
	case "gate-fails-open":
		return engine.MayOpen
	case "gate-unsigned-signed", "gate-wrong-key-unsigned", "gate-signed-not-running":
		return engine.Harmless
	}
	effect := engine.Harmless
	for _, v := range verdicts {
		switch {
		case v.Expected == engine.Denied && v.Actual == engine.Admitted:
			return engine.Opens
		case v.Expected == engine.Admitted && v.Actual == engine.Denied:
			effect = engine.Shuts
		}
	}
	return effect
}
