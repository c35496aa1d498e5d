package node

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// googleAccount is the annotation that binds a Kubernetes account to a Google
// service account.
const googleAccount = "iam.gke.io/gcp-service-account"

// metadata is the metadata server of one pod. What it says of the pod is set
// here: a pod cannot claim to be another. The bound account is asked for each
// time, since the annotation may come later.
func metadata(control *url.URL, bearer, node string, pod *corev1.Pod, bound func(context.Context, string) string) http.Handler {
	to := *control
	to.Path = "/metadata"
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&to)
			r.Out.Host = "metadata.google.internal"
			r.Out.Header.Set("Authorization", "Bearer "+bearer)
			r.Out.Header.Set("X-Pod-Namespace", pod.Namespace)
			r.Out.Header.Set("X-Pod-Name", pod.Name)
			r.Out.Header.Set("X-Pod-Service-Account", account)
			r.Out.Header.Set("X-Node", node)
			r.Out.Header.Set("X-Pod-Google-Account", bound(r.In.Context(), account))
		},
		Transport: &http.Transport{Proxy: nil, IdleConnTimeout: 10 * time.Second, MaxIdleConns: 2},
	}
}

// metadataServer serves it within limits.
func metadataServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
}
