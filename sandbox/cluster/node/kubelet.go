package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
)

// serveKubelet answers what the API server asks of a kubelet (logs, port
// forwarding), over TLS with the node's certificate, to the API server alone.
// It listens inside this process; the way there is the egress server.
func (n *Node) serveKubelet(ctx context.Context) error {
	certPEM, keyPEM, err := n.fleet.issue(n.spec.Name, []string{n.spec.InternalIP, n.spec.Name})
	if err != nil {
		return err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.spec.Name, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(n.fleet.access.CA) {
		return errors.New("the cluster's CA is not PEM")
	}
	s := &http.Server{
		Handler: onlyAPIServer(api.PodHandler(api.PodHandlerConfig{
			RunInContainer: n.RunInContainer, AttachToContainer: n.AttachToContainer, PortForward: n.PortForward,
			GetContainerLogs: n.GetContainerLogs, GetPods: n.GetPods,
			GetPodsFromKubernetes: func(ctx context.Context) ([]*corev1.Pod, error) { return n.GetPods(ctx) },
			StreamIdleTimeout:     4 * time.Hour, StreamCreationTimeout: 30 * time.Second,
		}, true)),
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       time.Minute,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, NextProtos: []string{"http/1.1"},
		},
		ErrorLog: nil,
	}
	context.AfterFunc(ctx, func() { _ = s.Close(); _ = n.kubelet.Close() })
	go func() {
		if err := s.ServeTLS(n.kubelet, "", ""); !errors.Is(err, http.ErrServerClosed) {
			n.log("kubelet: %v", err)
		}
	}()
	return nil
}

// onlyAPIServer keeps other holders of the cluster's certificates out.
func onlyAPIServer(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.TLS.PeerCertificates[0].Subject.CommonName; name != "kube-apiserver-kubelet-client" {
			http.Error(w, "Forbidden (user="+name+")", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
