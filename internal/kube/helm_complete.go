package kube

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/resource"
)

// begun says whether a release is a first install of just this that did not come to its end.
// What it was to make stands in its record: it can be completed, and stays the first. An
// upgrade, or a chart whose hooks may have run half, is Helm's own business.
func begun(rel *release.Release, w Wanted, ch *chart.Chart) bool {
	cutOff := rel.Info.Status == release.StatusPendingInstall || rel.Info.Status == release.StatusFailed
	return cutOff && rel.Version == 1 && rel.Chart.Metadata.Version == ch.Metadata.Version &&
		reflect.DeepEqual(rel.Config, w.Values) && !hasInstallHooks(rel)
}

func hasInstallHooks(rel *release.Release) bool {
	for _, hook := range rel.Hooks {
		for _, event := range hook.Events {
			if event == release.HookPreInstall || event == release.HookPostInstall {
				return true
			}
		}
	}
	return false
}

// complete does what is left of a first install: it creates what is not there yet, in Helm's
// order, and writes that the release is deployed. What is there stays as it is.
func (h helm) complete(found *release.Release) error {
	rel, err := h.config.Releases.Get(found.Name, found.Version) // without the labels that Helm gives its record itself
	if err != nil {
		return err
	}
	all, err := h.config.KubeClient.Build(strings.NewReader(rel.Manifest), false)
	if err != nil {
		return err
	}
	var missing helmkube.ResourceList
	err = all.Visit(func(info *resource.Info, err error) error {
		if err != nil {
			return err
		}
		if err := mark(info, rel); err != nil {
			return err
		}
		have, err := resource.NewHelper(info.Client, info.Mapping).Get(info.Namespace, info.Name)
		switch {
		case apierrors.IsNotFound(err):
			missing.Append(info)
			return nil
		case err != nil:
			return err
		}
		object, err := meta.Accessor(have)
		if err != nil {
			return err
		}
		if object.GetAnnotations()[releaseName] != rel.Name || object.GetAnnotations()[releaseNamespace] != rel.Namespace {
			return fmt.Errorf("%s exists and cannot be imported into the current release", info.ObjectName())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		if _, err := h.config.KubeClient.Create(missing); err != nil {
			return err
		}
	}
	rel.SetStatus(release.StatusDeployed, "Install complete")
	return h.config.Releases.Update(rel)
}

// Whose an object is, as Helm writes it on everything that it installs.
const (
	managedBy        = "app.kubernetes.io/managed-by"
	releaseName      = "meta.helm.sh/release-name"
	releaseNamespace = "meta.helm.sh/release-namespace"
)

// mark writes on an object that is to be made that it belongs to the release.
func mark(info *resource.Info, rel *release.Release) error {
	object, err := meta.Accessor(info.Object)
	if err != nil {
		return err
	}
	object.SetLabels(with(object.GetLabels(), map[string]string{managedBy: "Helm"}))
	object.SetAnnotations(with(object.GetAnnotations(), map[string]string{releaseName: rel.Name, releaseNamespace: rel.Namespace}))
	return nil
}

func with(have, more map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, have)
	maps.Copy(all, more)
	return all
}
