package steps

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// controller is Sigstore's policy-controller, installed by Helm in a namespace of
// its own: the webhook that decides what may run.
type controller struct {
	inside
	chart kube.Chart
}

// What the chart makes, under the names that it gives.
const (
	controllerNamespace  = "cosign-system"
	controllerRelease    = "policy-controller"
	controllerDeployment = "policy-controller-webhook"
	controllerAccount    = "policy-controller-webhook"
)

// controllerValues keep the controller from calling Sigstore's public key service as
// it starts: a policy with a key of one's own needs nothing of it, and a cluster
// without a way out could not start it.
func (n Names) controllerValues() map[string]any {
	values := map[string]any{"webhook": map[string]any{"extraArgs": map[string]any{"disable-tuf": true}}}
	if n.ownPool() { // on other nodes it could not read the key
		values["commonNodeSelector"] = map[string]any{poolLabel: poolName}
	}
	return values
}

func (s controller) Info() engine.Info {
	return engine.Info{
		ID: "controller", Title: "Policy controller", Needs: []string{"cluster"},
		Why:         "signatures alone stop nothing: it checks them, at the one door that everything goes through",
		Permissions: s.permits(installs),
	}
}

func (s controller) resource() state.Resource {
	return state.Resource{Kind: "helm.release", Name: controllerNamespace + "/" + controllerRelease}
}

func (s controller) summary() string {
	return fmt.Sprintf("%s %s in %s", controllerRelease, s.chart.Version, controllerNamespace)
}

func (s controller) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.summary()
	missing := engine.Change{Action: engine.Create, Summary: summary}
	c, err := s.reach(ctx, l)
	if err != nil || c == nil {
		return missing, err
	}
	rel, err := c.Release(ctx, controllerNamespace, controllerRelease)
	if err != nil || rel == nil {
		return missing, err
	}
	if !ours(l, rel.Labels) {
		return s.foreign(ctx, c, l, rel)
	}
	switch phase := l.Entry(s.resource()).Phase; {
	case rel.Deployed():
	case l.Entry(s.resource()).Ours():
		return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}, nil
	default:
		return blocked(summary, "helm-pending", "the Helm release %q is %s, and this setup's record does not say why (%q)", controllerRelease, rel.Status, phase), nil
	}
	g, err := seeGate(ctx, c, webhooks())
	if err != nil {
		return engine.Change{}, err
	}
	before, after := s.differs(rel, g)
	switch down := podDown(g.pods); {
	case l.Entry(s.resource()).Phase != state.Made:
		return settled(l, s.resource(), true, summary), nil
	case len(before) > 0:
		return engine.Change{Action: engine.Update, Summary: summary, Before: before, After: after, Drift: len(before) > 1 || !s.outgrown(l, rel)}, nil
	case down != nil:
		return engine.Change{Action: engine.Update, Summary: summary, Before: []string{down.What}, After: []string{"a pod of it available"}}, nil
	}
	return settled(l, s.resource(), true, summary), nil
}

// foreign judges a policy controller that somebody else installed: it is used if
// it runs, and left alone in any case.
func (s controller) foreign(ctx context.Context, c *kube.Cluster, l engine.Ledger, rel *kube.Release) (engine.Change, error) {
	summary := fmt.Sprintf("%s %s in %s", controllerRelease, rel.Version, controllerNamespace)
	if !rel.Deployed() {
		return blocked(summary, "helm-pending", "a Helm release %q of somebody else is %s", controllerRelease, rel.Status), nil
	}
	p, err := gateFault(ctx, c)
	switch {
	case err != nil:
		return engine.Change{}, err
	case p != nil:
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, nil
	}
	return settled(l, s.resource(), false, summary), nil
}

// outgrown says whether the release is as we installed it, and it is we who want another chart now.
func (s controller) outgrown(l engine.Ledger, rel *kube.Release) bool {
	return rel.Version != s.chart.Version && rel.Version == l.Entry(s.resource()).Facts["chart"]
}

// differs says what of the controller is not as this setup installed it.
func (s controller) differs(rel *kube.Release, g gate) (before, after []string) {
	note := func(is, wanted string) { before, after = append(before, is), append(after, wanted) }
	if rel.Version != s.chart.Version {
		note("chart "+rel.Version, "chart "+s.chart.Version)
	}
	if !reflect.DeepEqual(rel.Values, s.controllerValues()) {
		note(fmt.Sprintf("values %v", rel.Values), fmt.Sprintf("values %v", s.controllerValues()))
	}
	for _, p := range g.changed {
		note(p.What, "as installed")
	}
	return before, after
}

func (s controller) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	c, err := s.need(ctx, l)
	if err != nil {
		return err
	}
	rel, err := c.Release(ctx, controllerNamespace, controllerRelease)
	if err != nil {
		return err
	}
	if rel != nil && !ours(l, rel.Labels) {
		change, err := s.foreign(ctx, c, l, rel)
		switch {
		case err != nil:
			return err
		case change.Action == engine.Blocked:
			return change.Problem
		}
		return l.Found(s.resource(), nil)
	}
	if err := s.install(ctx, c, l, rel); err != nil {
		return err
	}
	if err := freeLeases(ctx, c, l); err != nil { // a pod that waits for a dead one's is restarted before it is available
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.within())
	defer cancel()
	if err := c.AwaitAvailable(ctx, controllerNamespace, controllerDeployment, func(text string) {
		l.Report(engine.Event{Type: engine.TypeProgress, Text: "policy controller: " + text, Progress: &engine.Progress{Stage: text}})
	}); err != nil {
		return notAvailable(err)
	}
	if err := freeLeases(ctx, c, l); err != nil {
		return err
	}
	if err := awaitWebhooks(ctx, c); err != nil {
		return err
	}
	return l.Made(s.resource(), map[string]string{"chart": s.chart.Version, "digest": s.chart.Digest})
}

// notAvailable says what the controller's pods say about not running.
func notAvailable(err error) error {
	var pods *kube.NotAvailableError
	if errors.As(err, &pods) && !errors.Is(err, context.Canceled) {
		return problem.Raise("controller-not-available", err)
	}
	return err
}

// install brings chart and namespace together, where the release is not there as wanted already.
func (s controller) install(ctx context.Context, c *kube.Cluster, l engine.Ledger, rel *kube.Release) error {
	if rel != nil && rel.Deployed() {
		g, err := seeGate(ctx, c, webhooks())
		if err != nil {
			return err
		}
		if before, _ := s.differs(rel, g); len(before) == 0 {
			return nil
		}
	}
	var ch *chart.Chart
	side, sideCtx := errgroup.WithContext(ctx)
	side.Go(func() (err error) {
		ch, err = s.chart.Fetch(sideCtx, s.c.HTTP)
		return err
	})
	side.Go(func() error { return ensureNamespace(sideCtx, c, l, controllerNamespace, nil) })
	if err := side.Wait(); err != nil {
		return err
	}
	if err := l.Intend(s.resource()); err != nil {
		return err
	}
	if rel == nil || !rel.Deployed() { // nothing is there, or an uninstall was cut off before it came to the leases
		if err := removeLeases(ctx, c); err != nil {
			return err
		}
	}
	return c.Install(ctx, kube.Wanted{Namespace: controllerNamespace, Name: controllerRelease, Values: s.controllerValues(), Labels: labels(l)}, ch)
}

// Undo uninstalls the release and removes the namespace, if they are ours.
func (s controller) Undo(ctx context.Context, l engine.Ledger) error {
	return s.takeBack(ctx, l, func(ctx context.Context, c *kube.Cluster) error {
		if err := s.uninstall(ctx, c, l); err != nil {
			return err
		}
		return removeNamespace(ctx, c, l, controllerNamespace)
	})
}

func (s controller) uninstall(ctx context.Context, c *kube.Cluster, l engine.Ledger) error {
	if !l.Entry(s.resource()).Ours() {
		return nil
	}
	rel, err := c.Release(ctx, controllerNamespace, controllerRelease)
	switch {
	case err != nil || rel == nil:
		return err
	case !ours(l, rel.Labels):
		return leaveIt(l, s.resource(), notLabelled)
	}
	if err := c.Uninstall(ctx, controllerNamespace, controllerRelease); err != nil {
		return err
	}
	if err := removeLeases(ctx, c); err != nil {
		return err
	}
	return releasePolicies(ctx, c)
}

func (s controller) Commands() []string {
	archive := s.chart.Name + "-" + s.chart.Version + ".tgz"
	install := []string{"helm", "upgrade", "--install", controllerRelease, archive, "--namespace=" + controllerNamespace,
		"--create-namespace", "--set=webhook.extraArgs.disable-tuf=true", "--wait"}
	if s.ownPool() {
		install = append(install, "--set=commonNodeSelector."+strings.ReplaceAll(poolLabel, ".", `\.`)+"="+poolName)
	}
	return []string{
		shell("gcloud", "container", "clusters", "get-credentials", s.ClusterID(), s.placeFlag(), "--project="+s.ProjectID()),
		shell("helm", "pull", s.chart.Name, "--repo="+s.chart.Repo, "--version="+s.chart.Version),
		shell("echo", strings.TrimPrefix(s.chart.Digest, "sha256:")+"  "+archive) + " | sha256sum -c -",
		shell(install...),
	}
}

// placeFlag is by which gcloud finds the cluster.
func (s cloud) placeFlag() string {
	if s.Zonal() {
		return "--zone=" + s.ClusterLocation()
	}
	return "--region=" + s.ClusterLocation()
}
