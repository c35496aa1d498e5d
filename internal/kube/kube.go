// Package kube is how signgate reaches a cluster: a Kubernetes client over the
// caller's own network and credential, waiting by watch, objects applied by the
// server, and a Helm release from a chart whose digest is pinned. It reads no
// kubeconfig and no environment, runs no plugin and prints nothing.
package kube

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options say which cluster, and as whom.
type Options struct {
	Host      string          // of the API server, without scheme: "203.0.113.10"
	CA        []byte          // the cluster's own root in PEM; nil: the transport's roots (a DNS endpoint has a public certificate)
	Transport *http.Transport // with the caller's proxy and roots; it becomes the cluster's own
	Tokens    oauth2.TokenSource
	UserAgent string
}

// Cluster is one cluster's API, over connections that all its clients share.
type Cluster struct {
	Core    kubernetes.Interface
	Dynamic dynamic.Interface

	config *rest.Config
}

// Dial makes the clients. It opens no connection.
func Dial(o Options) (*Cluster, error) {
	transport := o.Transport
	if o.CA != nil {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("the cluster's root certificate cannot be read")
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	// A watch may be silent for minutes: pings tell silence from a dead line.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingWithin}
	config := &rest.Config{
		Host: "https://" + o.Host,
		// One transport, made once: of a config with a proxy, client-go would make one for each of Helm's many clients.
		Transport:      &oauth2.Transport{Source: o.Tokens, Base: transport},
		UserAgent:      o.UserAgent,
		QPS:            -1, // the server's own priority and fairness is limit enough
		WarningHandler: rest.NoWarnings{},
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", o.Host, err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", o.Host, err)
	}
	return &Cluster{Core: core, Dynamic: objects, config: config}, nil
}
