package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Release is what is on record of a Helm release in the cluster.
type Release struct {
	Version string         // of its chart
	Status  string         // Helm's word: deployed, failed, pending-install…
	Values  map[string]any // that the chart's own are overridden with
	Labels  map[string]string
}

// Deployed says whether the last install or upgrade came to its end.
func (r *Release) Deployed() bool { return r.Status == string(release.StatusDeployed) }

// Wanted is a release as it is to be.
type Wanted struct {
	Namespace, Name string
	Values          map[string]any
	Labels          map[string]string // on the release's record, to show whose it is
}

// hooks is how long a chart's hooks may take.
const hooks = 5 * time.Minute

// Release looks up a release; nil without an error if there is none.
func (c *Cluster) Release(ctx context.Context, namespace, name string) (*Release, error) {
	h, err := c.helm(ctx, namespace)
	if err != nil {
		return nil, err
	}
	rel, err := h.last(name)
	if err != nil || rel == nil {
		return nil, err
	}
	return &Release{Version: rel.Chart.Metadata.Version, Status: rel.Info.Status.String(), Values: rel.Config, Labels: rel.Labels}, nil
}

// Install makes the release as wanted, whatever is there of it: nothing, one that
// was cut off, or another version. It does not wait for what the chart makes to run.
//
// An unfinished release is taken up again: that is right only for whoever knows
// that nobody else is at work on it.
func (c *Cluster) Install(ctx context.Context, w Wanted, ch *chart.Chart) error {
	h, err := c.helm(ctx, w.Namespace)
	if err != nil {
		return err
	}
	rel, err := h.last(w.Name)
	switch {
	case err != nil:
	case rel == nil:
		err = h.install(w, ch)
	case begun(rel, w, ch):
		err = h.complete(rel)
	default:
		err = h.upgrade(w, ch, rel)
	}
	if err == nil {
		err = h.recorded(w, ch)
	}
	if ctx.Err() != nil {
		return ctx.Err() // Helm's own words for it say less
	}
	if err != nil {
		return fmt.Errorf("install %s in %s: %w", w.Name, w.Namespace, worded(err))
	}
	return nil
}

// Uninstall removes a release with everything in it, without running the chart's
// hooks: policy-controller's pulls an image from yet another registry, to remove
// what goes with the namespace. Gone already is success.
func (c *Cluster) Uninstall(ctx context.Context, namespace, name string) error {
	h, err := c.helm(ctx, namespace)
	if err != nil {
		return err
	}
	act := action.NewUninstall(h.config)
	act.DisableHooks, act.IgnoreNotFound, act.Timeout = true, true, hooks
	_, err = act.Run(name)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("uninstall %s in %s: %w", name, namespace, err)
	}
	return nil
}

// helm is Helm's configuration for one namespace of the cluster, for as long as a context lives.
type helm struct{ config *action.Configuration }

func (c *Cluster) helm(ctx context.Context, namespace string) (helm, error) {
	config := rest.CopyConfig(c.config)
	config.Transport = bound{ctx, config.Transport}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return helm{}, err
	}
	g := &getter{config: config, namespace: namespace}
	return helm{&action.Configuration{
		RESTClientGetter: g,
		KubeClient:       helmkube.New(g),
		Releases:         storage.Init(driver.NewSecrets(core.CoreV1().Secrets(namespace))),
		Log:              func(string, ...any) {},
		HookOutputFunc:   func(_, _, _ string) io.Writer { return io.Discard },
	}}, nil
}

func (h helm) last(name string) (*release.Release, error) {
	rel, err := h.config.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up release %s: %w", name, err)
	}
	return rel, nil
}

// recorded makes sure that a release's record has its end. Helm itself passes over a record
// that it could not write: everything is there then, and the next to look sees an install under way.
func (h helm) recorded(w Wanted, ch *chart.Chart) error {
	rel, err := h.last(w.Name)
	switch {
	case err != nil || rel == nil || rel.Info.Status == release.StatusDeployed:
		return err
	case begun(rel, w, ch):
		return h.complete(rel)
	}
	return fmt.Errorf("it was made, but its record could not be written and says %s", rel.Info.Status)
}

// worded adds the status to an answer of the API server of which client-go says "unknown".
func worded(err error) error {
	var answer *apierrors.StatusError
	if errors.As(err, &answer) && strings.HasSuffix(err.Error(), "unknown") {
		code := int(answer.ErrStatus.Code)
		return fmt.Errorf("%w (%d %s)", err, code, http.StatusText(code))
	}
	return err
}

func (h helm) install(w Wanted, ch *chart.Chart) error {
	act := action.NewInstall(h.config)
	act.ReleaseName, act.Namespace, act.Labels, act.Timeout = w.Name, w.Namespace, w.Labels, hooks
	act.DisableOpenAPIValidation = true // the server validates; asking for its schema first takes longer than the install
	_, err := act.Run(ch, w.Values)
	return err
}

// upgrade also takes up what was cut off: Helm goes on from a failed release, not from a pending one.
func (h helm) upgrade(w Wanted, ch *chart.Chart, last *release.Release) error {
	unfinished := []release.Status{release.StatusPendingInstall, release.StatusPendingUpgrade, release.StatusPendingRollback, release.StatusUninstalling}
	if slices.Contains(unfinished, last.Info.Status) {
		last.SetStatus(release.StatusFailed, "cut off, and taken up again")
		if err := h.config.Releases.Update(last); err != nil {
			return err
		}
	}
	act := action.NewUpgrade(h.config)
	act.Namespace, act.Labels, act.Timeout = w.Namespace, w.Labels, hooks
	act.DisableOpenAPIValidation, act.ResetValues = true, true
	_, err := act.Run(w.Name, ch, w.Values)
	return err
}

// getter gives Helm its clients. What the cluster can do is asked once.
type getter struct {
	config    *rest.Config
	namespace string
	known     discovery.CachedDiscoveryInterface
}

func (g *getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.config), nil }

func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	if g.known == nil {
		asked, err := discovery.NewDiscoveryClientForConfig(g.config)
		if err != nil {
			return nil, err
		}
		g.known = memory.NewMemCacheClient(asked)
	}
	return g.known, nil
}

func (g *getter) ToRESTMapper() (meta.RESTMapper, error) {
	known, err := g.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(known), nil
}

// ToRawKubeConfigLoader says the namespace; no file is read.
func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(),
		&clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.namespace}})
}
