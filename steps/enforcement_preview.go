package steps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
)

// atOnce is how many images are asked about at the same time: the webhook looks each up in its registry.
const atOnce = 8

// previewNamespace is where images are tried out while the real namespace is still open.
func previewNamespace(l engine.Ledger) string {
	return "signgate-preview-" + strings.ToLower(l.Setup())
}

// preview tells what runs in the namespace and would be refused from now on. The
// webhook is asked by dry runs in a labelled namespace made for it, since it is
// asked about no other; nothing runs there.
func (s enforcement) preview(ctx context.Context, c *kube.Cluster, l engine.Ledger) error {
	running, err := workloads(ctx, c, s.a.Namespace)
	if err != nil {
		return err
	}
	if len(running) == 0 {
		return nil
	}
	place := previewNamespace(l)
	if err := ensureNamespace(ctx, c, l, place, map[string]string{includeLabel: "true"}); err != nil {
		return err
	}
	if err := s.awaitAsked(ctx, c, l, place); err != nil {
		return err
	}
	images := slices.Sorted(maps.Keys(running))
	refused := make([]string, len(images))
	asked, askedCtx := errgroup.WithContext(ctx)
	asked.SetLimit(atOnce)
	for i, image := range images {
		asked.Go(func() error {
			answer, err := s.dryRun(askedCtx, c, place, image)
			refused[i], _ = whyDenied(answer)
			return err
		})
	}
	if err := asked.Wait(); err != nil {
		return err
	}
	for i, image := range images {
		if refused[i] != "" {
			warn(l, "%s in namespace %q runs %s and would be refused at its next start: %s",
				strings.Join(running[image], ", "), s.a.Namespace, image, Meaning(refused[i]))
		}
	}
	return removeNamespace(ctx, c, l, place)
}

// workloads maps each image in a namespace to what runs it, as kubectl names it.
func workloads(ctx context.Context, c *kube.Cluster, namespace string) (map[string][]string, error) {
	pods, err := c.Core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list what runs in namespace %q: %w", namespace, err)
	}
	jobs, err := c.Core.BatchV1().CronJobs(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list what runs in namespace %q: %w", namespace, err)
	}
	found := map[string][]string{}
	add := func(who string, spec corev1.PodSpec) {
		for _, container := range append(slices.Clone(spec.InitContainers), spec.Containers...) {
			if !slices.Contains(found[container.Image], who) {
				found[container.Image] = append(found[container.Image], who)
			}
		}
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			add(owner(&pod), pod.Spec)
		}
	}
	for _, job := range jobs.Items {
		add("cronjob/"+job.Name, job.Spec.JobTemplate.Spec.Template.Spec)
	}
	return found, nil
}

// owner is what made a pod: of a Deployment's pod the Deployment, though a ReplicaSet stands between.
func owner(pod *corev1.Pod) string {
	by := metav1.GetControllerOf(pod)
	switch {
	case by == nil:
		return "pod/" + pod.Name
	case by.Kind == "ReplicaSet" && pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] != "":
		return "deployment/" + strings.TrimSuffix(by.Name, "-"+pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey])
	}
	return strings.ToLower(by.Kind) + "/" + by.Name
}

// dryRun asks the API server, and so the webhook, whether a Deployment of this image
// would be admitted; nil if so. Nothing is stored. What is nobody's verdict is err.
func (s inside) dryRun(ctx context.Context, c *kube.Cluster, namespace, image string) (answer, err error) {
	d := deployment("signgate-dry-run", image, nil, nil)
	d.Name, d.GenerateName = "", d.Name+"-"
	_, answer = c.Core.AppsV1().Deployments(namespace).Create(ctx, d, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: kube.Manager})
	if answer != nil && !judged(answer) {
		return nil, fmt.Errorf("ask the cluster about %s: %w", image, answer)
	}
	return answer, nil
}

// deployment is what `kubectl create deployment NAME --image=IMAGE` makes, with our labels on it.
func deployment(name, image string, ours, nodes map[string]string) *appsv1.Deployment {
	selector := map[string]string{"app": name}
	all := maps.Clone(selector)
	maps.Copy(all, ours)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)),
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: selector},
				Spec:       corev1.PodSpec{NodeSelector: nodes, Containers: []corev1.Container{{Name: name, Image: image}}},
			},
		},
	}
}
