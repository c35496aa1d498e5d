package steps

import (
	"context"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
)

// registered is a cluster with those of the controller's webhooks that are there, as it leaves them.
func registered(is func(i int) bool) *kube.Cluster {
	kinds := map[schema.GroupVersionResource]string{}
	var there []runtime.Object
	for i, w := range webhooks() {
		kind := map[string]string{"validatingwebhookconfigurations": "ValidatingWebhookConfiguration", "mutatingwebhookconfigurations": "MutatingWebhookConfiguration"}[w.Resource.Resource]
		kinds[w.Resource] = kind + "List"
		if !is(i) {
			continue
		}
		there = append(there, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": w.Name},
			"webhooks": []any{map[string]any{"failurePolicy": "Fail", "rules": []any{map[string]any{}}, "clientConfig": map[string]any{"caBundle": "x"}}}}})
	}
	return &kube.Cluster{Dynamic: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, there...)}
}

// Each of the four counts, and each that is missing has its own meaning. One that Helm did not
// put is not waited for.
func TestWebhooksThatAreMissing(t *testing.T) {
	for i, want := range []struct {
		id   string
		does engine.Effect
	}{
		{"gate-webhook-missing", engine.Opens}, {"gate-tags-unresolved", engine.Shuts},
		{"gate-policies-unchecked", engine.MayShut}, {"gate-policies-unchecked", engine.MayShut},
	} {
		seen, err := registrations(t.Context(), registered(func(k int) bool { return k != i }), webhooks())
		if err != nil || slices.Index(seen, "") != i || len(seen) != 4 {
			t.Errorf("webhook %d: seen %q, %v", i, seen, err)
		}
		w := webhooks()[i]
		if e, _ := w.differs(""); e.does != want.does || e.problem != want.id {
			t.Errorf("%s: %+v, want %+v", w.name(), e, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := awaitWebhooks(ctx, registered(func(int) bool { return false })); err == nil || problem.From(err).ID != "gate-webhook-missing" {
		t.Errorf("where none is, waiting ends with %v", err)
	}
	if err := awaitWebhooks(ctx, registered(func(int) bool { return true })); err != nil {
		t.Error(err)
	}
}
