package node

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A pod's metadata server says who the pod is, whatever the pod says; what its account's
// annotations say counts from one request to the next; on its node's network it is its node.
func TestMetadataSaysWhoAsks(t *testing.T) {
	t.Parallel()
	var got http.Header
	control := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer control.Close()
	at, err := url.Parse(control.URL)
	if err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "webhook", UID: "0c-1d", Annotations: map[string]string{}}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "cosign-system", Name: "p"}, Spec: corev1.PodSpec{ServiceAccountName: "webhook"}}
	ask := func() {
		h := metadata(at, "secret", "node-1", pod, func(context.Context, string) *corev1.ServiceAccount { return account })
		r := httptest.NewRequest("GET", "http://metadata.google.internal/computeMetadata/v1/", nil)
		for _, name := range []string{"X-Pod-Namespace", "X-Pod-Service-Account", "X-Pod-Service-Account-Uid", "X-Pod-Google-Account", "X-Pod-Principal-As-Email", "X-Pod-More", "X-Node", "Authorization"} {
			r.Header.Set(name, "a lie")
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	want := func(when string, headers map[string]string) {
		t.Helper()
		for name, value := range headers {
			if got.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", when, name, got.Get(name), value)
			}
		}
	}
	ask()
	want("a pod", map[string]string{"X-Pod-Namespace": "cosign-system", "X-Pod-Service-Account": "webhook", "X-Pod-Service-Account-Uid": "0c-1d",
		"X-Pod-Google-Account": "", "X-Pod-Principal-As-Email": "", "X-Pod-More": "", "X-Node": "node-1", "Authorization": "Bearer secret"})
	account.Annotations = map[string]string{googleAccount: "g@p.iam.gserviceaccount.com", principalAsEmail: "true"}
	ask()
	want("annotated", map[string]string{"X-Pod-Google-Account": "g@p.iam.gserviceaccount.com", "X-Pod-Principal-As-Email": "true"})
	account, pod.Spec.ServiceAccountName = nil, ""
	ask()
	want("an account that cannot be seen", map[string]string{"X-Pod-Service-Account": "default", "X-Pod-Service-Account-Uid": "", "X-Pod-Google-Account": ""})
	pod.Spec.HostNetwork = true
	ask()
	want("on the node's network", map[string]string{"X-Pod-Namespace": "", "X-Pod-Service-Account": "", "X-Node": "node-1", "Authorization": "Bearer secret"})
}
