package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/kube"
)

// While a Deployment's pods do not come to run it is told why, and not only at the end.
func TestAwaitAvailableTellsWhatPodsWaitFor(t *testing.T) {
	t.Parallel()
	meta := metav1.ObjectMeta{Name: "app", Namespace: "here", ResourceVersion: "1"}
	deployment := appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "app"}}}}
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "app-1", Namespace: "here"}, Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image"}}}}}}
	c := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any
		switch {
		case r.URL.Query().Get("watch") != "":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		case strings.HasSuffix(r.URL.Path, "/pods"):
			answer = corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{pod}}
		case strings.HasSuffix(r.URL.Path, "/deployments"):
			answer = appsv1.DeploymentList{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DeploymentList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: []appsv1.Deployment{deployment}}
		default:
			answer = deployment
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var told []string
	err := c.AwaitAvailable(ctx, "here", "app", func(text string) {
		if told = append(told, text); len(told) == 2 {
			cancel()
		}
	})
	slices.Sort(told) // on a busy machine the pods can be heard of first
	if want := []string{"0 of 1 ready", "pod app-1: main ImagePullBackOff Back-off pulling image"}; !slices.Equal(told, want) {
		t.Errorf("it told %q, want %q", told, want)
	}
	var pods *kube.NotAvailableError
	if !errors.As(err, &pods) || len(pods.Pods) != 1 {
		t.Errorf("it ended with %v", err)
	}
}
