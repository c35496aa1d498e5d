package steps_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// preview protects a namespace in which something runs already: what would be
// refused is told, goes on running, and outlives the undoing.
func (s *setup) preview(t *testing.T) {
	const namespace, label = "shop", "policy.sigstore.dev/include"
	k := s.kube(t).Core
	_, err := k.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)
	app := map[string]string{"app": "till"}
	_, err = k.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "till"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: app},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: app}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "till", Image: "nginx"}}}},
	}}, metav1.CreateOptions{})
	must(t, err)
	until(t, "the till runs", func(ctx context.Context) (bool, error) {
		d, err := k.AppsV1().Deployments(namespace).Get(ctx, "till", metav1.GetOptions{})
		return err == nil && d.Status.AvailableReplicas == 1, err
	})

	answers := s.answers
	answers.Namespace = namespace
	store, err := state.Create(t.TempDir(), "shop", state.World{Kind: "sandbox"}, answers)
	must(t, err)
	defer store.Close()
	list := steps.List(answers, s.clients, s.options(store.Folder()))
	step := list[slices.IndexFunc(list, func(step engine.Step) bool { return step.Info().ID == "enforcement" })]
	l := engine.NewLedger(store, "enforcement", s.emit)
	look := func(want engine.Action) engine.Change {
		t.Helper()
		change, err := step.Inspect(t.Context(), l)
		if err != nil || change.Action != want {
			t.Fatalf("%s %s, %v; want %s", change.Action, change.Summary, err, want)
		}
		return change
	}
	must(t, step.Apply(t.Context(), look(engine.Create), l))
	look(engine.None)
	s.mu.Lock()
	told := slices.ContainsFunc(s.events, func(e engine.Event) bool {
		return e.Warning && strings.Contains(e.Text, `deployment/till in namespace "shop" runs nginx and would be refused`)
	})
	s.mu.Unlock()
	if !told {
		t.Error("nobody warned that the till would be refused")
	}
	must(t, step.Undo(t.Context(), l))
	ns, err := k.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	if err != nil || ns.Labels[label] != "" || ns.DeletionTimestamp != nil {
		t.Errorf("undone, the namespace is %+v, %v", ns.ObjectMeta, err)
	}
	if d, err := k.AppsV1().Deployments(namespace).Get(t.Context(), "till", metav1.GetOptions{}); err != nil || d.Status.AvailableReplicas != 1 {
		t.Errorf("the till: %v %v", d.Status, err)
	}
	all, err := k.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for _, ns := range all.Items {
		if strings.HasPrefix(ns.Name, "signgate-preview-") && ns.DeletionTimestamp == nil {
			t.Errorf("namespace %s is left", ns.Name)
		}
	}
}
