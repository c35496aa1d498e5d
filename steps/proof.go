package steps

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// proof tries the gate: four live deployments, three of which must be refused, each
// for the right reason. Looking again later asks the same by dry runs.
type proof struct{ inside }

func (s proof) Info() engine.Info {
	return engine.Info{
		ID: "proof", Title: "Proof", Needs: []string{"enforcement", "signature"},
		Why:         "a broken gate and a working one both refuse strangers; only the right reasons, and the yes to your image, tell them apart",
		Permissions: s.permits(deploys),
	}
}

// trial is one deployment of the proof, and the reason for which it must end as it must.
type trial struct {
	name     string // the case
	deploy   string // the Deployment's name
	image    string
	expected string
	reasons  []string
}

// trials are the four; none while the images are not made yet.
func (s proof) trials(l engine.Ledger) []trial {
	private := func(pin string) string { return s.ImageName() + "@" + l.Pin(pin) }
	for _, pin := range []string{PinImageDigest, PinUnsignedDigest, PinWrongKeyDigest} {
		if l.Pin(pin) == "" {
			return nil
		}
	}
	app := s.app()
	return []trial{
		// Another policy may be about public images; without one, none is.
		{engine.CaseUnsignedPublic, app + "-unsigned-public", s.a.Image, engine.Denied, []string{ReasonNoPolicy, ReasonUnsigned}},
		{engine.CaseUnsignedPrivate, app + "-unsigned-private", private(PinUnsignedDigest), engine.Denied, []string{ReasonUnsigned}},
		{engine.CaseWrongKey, app + "-wrong-key", private(PinWrongKeyDigest), engine.Denied, []string{ReasonWrongKey}},
		{engine.CaseSigned, app, private(PinImageDigest), engine.Admitted, []string{ReasonSigned}},
	}
}

// app is what the deployment of the signed image is called: as the image, "nginx" in the guide.
func (s inside) app() string {
	name := strings.NewReplacer("_", "-", ".", "-").Replace(path.Base(s.ImageName()))
	return strings.Trim(name[:min(len(name), 40)], "-")
}

func (s inside) deploymentResource(name string) state.Resource {
	return state.Resource{Kind: "kubernetes.deployment", Name: s.a.Namespace + "/" + name}
}

func (s proof) get(ctx context.Context, c *kube.Cluster, name string) (*appsv1.Deployment, error) {
	d, err := c.Core.AppsV1().Deployments(s.a.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up deployment %q: %w", name, err)
	}
	return d, nil
}

func (s proof) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	missing := engine.Change{Action: engine.Create, Summary: summary}
	c, err := s.reach(ctx, l)
	trials := s.trials(l)
	if err != nil || c == nil || trials == nil {
		return missing, err
	}
	d, err := s.get(ctx, c, s.app())
	if err != nil || d == nil {
		return missing, err
	}
	if !ours(l, d.Labels) {
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: s.foreign()}, nil
	}
	if scaledToZero(d) {
		return engine.Change{Action: engine.Update, Summary: summary, Before: []string{"0 replicas of deployment " + d.Name}, After: []string{"1 replica"}, Drift: true}, nil
	}
	if !s.tried(l, trials) {
		return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}, nil
	}
	verdicts, p, err := s.rehearsed(ctx, c, l, trials, d)
	switch {
	case err != nil:
		return engine.Change{}, err
	case p != nil:
		return engine.Change{Action: engine.Update, Summary: summary, Before: []string{p.What}, After: []string{"three refused for the right reason, the signed one running"}}, nil
	}
	for i := range verdicts { // proven anew, if only rehearsed
		l.Report(s.event(&verdicts[i]))
	}
	return engine.Change{Action: engine.None, Summary: fmt.Sprintf("the gate of namespace %q holds", s.a.Namespace)}, nil
}

// tried says whether each of the trials has been made to its end: the signed image's runs,
// the others' came and went, if they came.
func (s proof) tried(l engine.Ledger, trials []trial) bool {
	for _, t := range trials {
		end := state.Gone
		if t.expected == engine.Admitted {
			end = state.Made
		}
		if l.Entry(s.deploymentResource(t.deploy)).Phase != end {
			return false
		}
	}
	return true
}

func (s proof) foreign() *problem.Problem {
	return raise("deployment-foreign", "a deployment %q that is not from this setup is in namespace %q already", s.app(), s.a.Namespace)
}

// readWithin is how long an inspection waits for a controller that has just been started
// again to read its policy.
const readWithin = 30 * time.Second

var errUnread = errors.New("the webhook has not read the policy")

// rehearsed is what all verdicts are by dry runs, and what is to be said of them.
func (s proof) rehearsed(ctx context.Context, c *kube.Cluster, l engine.Ledger, trials []trial, running *appsv1.Deployment) (verdicts []engine.Verdict, p *problem.Problem, err error) {
	err = gcp.Retry{For: min(s.patience(), readWithin), When: func(err error) bool { return errors.Is(err, errUnread) }}.Do(ctx, func(ctx context.Context) error {
		var err error
		if verdicts, err = s.rehearse(ctx, c, l, trials, running); err != nil {
			return err
		}
		if p, err = s.judge(ctx, c, l, verdicts); err == nil && p != nil && p.ID == "gate-policy-unread" {
			return errUnread
		}
		return err
	})
	if errors.Is(err, errUnread) {
		err = nil
	}
	return verdicts, p, err
}

// rehearse asks for all verdicts by dry runs. An answer that is nobody's verdict is an error;
// that the namespace is missing is for judge to say.
func (s proof) rehearse(ctx context.Context, c *kube.Cluster, l engine.Ledger, trials []trial, running *appsv1.Deployment) ([]engine.Verdict, error) {
	verdicts := make([]engine.Verdict, len(trials))
	var all errgroup.Group
	for i, t := range trials {
		all.Go(func() error {
			answer, err := s.dryRun(ctx, c, s.a.Namespace, t.image)
			v := t.verdict(answer)
			if v.Case == engine.CaseUnsignedPublic && v.Reason == ReasonUnresolved {
				answer, err = s.dryRun(ctx, c, s.a.Namespace, s.publicByDigest(l))
				v = t.verdict(answer)
			}
			if apierrors.IsNotFound(err) { // the namespace
				v, err = t.verdict(errors.Unwrap(err)), nil
			}
			if err != nil {
				return err
			}
			if v.Case == engine.CaseSigned && v.Actual == engine.Admitted && !kube.Available(running) {
				v.Reason, v.OK = ReasonNotRunning, false
			}
			verdicts[i] = v
			return nil
		})
	}
	return verdicts, all.Wait()
}

// event tells of a verdict.
func (proof) event(v *engine.Verdict) engine.Event {
	return engine.Event{Type: engine.TypeVerdict, Verdict: v, Text: v.Case + ": " + Meaning(v.Reason)}
}

// Apply makes all four deployments at once, reports each verdict as it falls, and
// fails if any is not as it must be.
func (s proof) Apply(ctx context.Context, change engine.Change, l engine.Ledger) error {
	if change.Action == engine.None {
		return nil
	}
	c, err := s.need(ctx, l)
	if err != nil {
		return err
	}
	trials := s.trials(l)
	if trials == nil {
		return fmt.Errorf("the images of the proof are not there yet")
	}
	verdicts, errs := make([]engine.Verdict, len(trials)), make([]error, len(trials))
	var all sync.WaitGroup
	for i, t := range trials {
		all.Go(func() {
			verdicts[i], errs[i] = s.try(ctx, c, l, t)
			if errs[i] == nil {
				l.Report(s.event(&verdicts[i]))
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	p, err := s.judge(ctx, c, l, verdicts)
	if err == nil && p != nil {
		err = p
	}
	return err
}

// Undo removes the deployments that are ours, and waits until they are gone.
func (s proof) Undo(ctx context.Context, l engine.Ledger) error {
	return s.takeBack(ctx, l, func(ctx context.Context, c *kube.Cluster) error {
		for _, e := range l.Entries() {
			if !e.Ours() {
				continue
			}
			name := path.Base(e.Name)
			d, err := s.get(ctx, c, name)
			switch {
			case err != nil:
			case d != nil && !ours(l, d.Labels):
				err = leaveIt(l, e.Resource, notLabelled)
			default:
				err = s.remove(ctx, c, l, name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// removeWithin is what a removal may take at least, however little is waited for otherwise:
// it is work of the cluster's, and not only an answer that may change.
const removeWithin = 30 * time.Second

// remove takes a deployment away if it is ours.
func (s proof) remove(ctx context.Context, c *kube.Cluster, l engine.Ledger, name string) error {
	d, err := s.get(ctx, c, name)
	if err != nil || d == nil || !ours(l, d.Labels) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.patience(), removeWithin))
	defer cancel()
	return c.Delete(ctx, kube.DeploymentObject(s.a.Namespace, name))
}

func (s proof) Commands() []string {
	deploy := func(name, image string) string {
		return shell("kubectl", "create", "deployment", name, "--namespace="+s.a.Namespace) + " --image=" + image
	}
	refused := func(words string) string { return "  # refused: " + words }
	app, image := s.app(), s.ImageName()
	lines := []string{
		deploy(app+"-unsigned-public", shell(s.a.Image)) + refused("no matching policies|no signatures found"),
		deploy(app+"-unsigned-private", shell(image+":"+TagUnsigned)) + refused("no signatures found"),
		deploy(app+"-wrong-key", shell(image+":"+tagWrongKey)) + refused("no matching signatures"),
		deploy(app, s.atDigest(s.ImageTag())),
	}
	if s.ownPool() {
		lines = append(lines, shell("kubectl", "patch", "deployment", app, "--namespace="+s.a.Namespace,
			fmt.Sprintf(`--patch={"spec":{"template":{"spec":{"nodeSelector":{%q:%q}}}}}`, poolLabel, poolName)))
	}
	return append(lines, shell("kubectl", "wait", "--for=condition=Available", "--timeout=5m", "--namespace="+s.a.Namespace, "deployment/"+app))
}
