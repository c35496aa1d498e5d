package node

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// metadata is the metadata server of one pod. What it says of the pod is set
// here: a pod cannot claim to be another.
func metadata(control *url.URL, bearer, node string, pod *corev1.Pod) http.Handler {
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(control.JoinPath("metadata"))
			r.Out.Host = "metadata.google.internal"
			r.Out.Header.Set("Authorization", "Bearer "+bearer)
			r.Out.Header.Set("X-Pod-Namespace", pod.Namespace)
			r.Out.Header.Set("X-Pod-Name", pod.Name)
			r.Out.Header.Set("X-Pod-Service-Account", account)
			r.Out.Header.Set("X-Node", node)
		},
		Transport: &http.Transport{Proxy: nil, IdleConnTimeout: 10 * time.Second, MaxIdleConns: 2},
	}
}

// metadataServer serves it within limits.
func metadataServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
}
