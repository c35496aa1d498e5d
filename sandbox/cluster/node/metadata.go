package node

import (
	"context"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations of a Kubernetes account: the Google service account that it may stand for,
// and that its principal is shown where an e-mail address is asked for.
const (
	googleAccount    = "iam.gke.io/gcp-service-account"
	principalAsEmail = "iam.gke.io/return-principal-id-as-email"
)

// metadata is the metadata server of one pod. What it says of the pod is set
// here: a pod cannot claim to be another. The account is looked up each time, since
// annotations may come later. A pod on its node's network asks as the node.
func metadata(control *url.URL, bearer, node string, pod *corev1.Pod, look func(context.Context, string) *corev1.ServiceAccount) http.Handler {
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
			maps.DeleteFunc(r.Out.Header, func(name string, _ []string) bool { return strings.HasPrefix(name, "X-Pod-") })
			r.Out.Header.Set("Authorization", "Bearer "+bearer)
			r.Out.Header.Set("X-Node", node)
			if pod.Spec.HostNetwork {
				return
			}
			r.Out.Header.Set("X-Pod-Namespace", pod.Namespace)
			r.Out.Header.Set("X-Pod-Name", pod.Name)
			r.Out.Header.Set("X-Pod-Service-Account", account)
			if a := look(r.In.Context(), account); a != nil {
				r.Out.Header.Set("X-Pod-Service-Account-Uid", string(a.UID))
				r.Out.Header.Set("X-Pod-Google-Account", a.Annotations[googleAccount])
				r.Out.Header.Set("X-Pod-Principal-As-Email", a.Annotations[principalAsEmail])
			}
		},
		Transport: &http.Transport{Proxy: nil, IdleConnTimeout: 10 * time.Second, MaxIdleConns: 2},
	}
}

// metadataServer serves it within limits.
func metadataServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
}
