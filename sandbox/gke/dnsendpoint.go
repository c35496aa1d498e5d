package gke

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"google.golang.org/grpc/status"
)

// byName serves the DNS endpoints of clusters ("….gke.goog"): a front of Google's before
// the API server, with a public certificate, which lets in whoever IAM allows to
// connect.
func (s *Service) byName(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	var c *cluster
	for _, one := range s.state.Clusters {
		if one.pb.GetControlPlaneEndpointsConfig().GetDnsEndpointConfig().GetEndpoint() == r.Host {
			c = one.copy()
		}
	}
	s.mu.Unlock()
	if c == nil {
		kubernetesError(w, http.StatusNotFound, "NotFound", "no cluster has the DNS endpoint "+r.Host)
		return
	}
	dns := c.pb.GetControlPlaneEndpointsConfig().GetDnsEndpointConfig()
	if !dns.GetAllowExternalTraffic() {
		kubernetesError(w, http.StatusForbidden, "Forbidden", "the cluster's DNS endpoint takes no traffic from outside its network (allowExternalTraffic)")
		return
	}
	token := bearer(r)
	ours := strings.HasPrefix(token, "ya29.") || strings.Count(token, ".") != 2 // and no JWT of Kubernetes
	caller, err := s.iam.Authenticate(token)
	switch {
	case err != nil && (ours || !dns.GetEnableK8STokensViaDns()):
		kubernetesError(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
		return
	case err == nil && s.iam.Check(caller, "container.clusters.connect", "projects/"+c.Project) != nil:
		kubernetesError(w, http.StatusForbidden, "Forbidden", status.Convert(denied("container.clusters.connect", c.name().resource())).Message())
		return
	}
	s.pass(w, r, c)
}

// pass hands a request on to the API server.
func (s *Service) pass(w http.ResponseWriter, r *http.Request, c *cluster) {
	to, err := s.reach(r.Context(), c)
	if err != nil {
		kubernetesError(w, http.StatusServiceUnavailable, "ServiceUnavailable", err.Error())
		return
	}
	s.mu.Lock()
	road := s.road(c)
	s.mu.Unlock()
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "https", Host: to})
			p.Out.Host = c.Endpoint
		},
		Transport: road, FlushInterval: -1, // watches are answered as they come
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			kubernetesError(w, http.StatusBadGateway, "ServiceUnavailable", err.Error())
		},
	}
	proxy.ServeHTTP(w, r)
}

// road is how a cluster's API server is reached: its certificate is of the cluster's CA,
// for its endpoint. It is kept, so it is for one that is up; the caller holds the lock.
func (s *Service) road(c *cluster) *http.Transport {
	if s.roads[c.UID] == nil {
		pool := x509.NewCertPool()
		if cert, err := base64.StdEncoding.DecodeString(c.pb.GetMasterAuth().GetClusterCaCertificate()); err == nil {
			pool.AppendCertsFromPEM(cert)
		}
		s.roads[c.UID] = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: c.Endpoint, MinVersion: tls.VersionTLS12}, MaxIdleConns: 10}
	}
	return s.roads[c.UID]
}

// kubernetesError is a refusal as clients of Kubernetes read it.
func kubernetesError(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{ // to a client that may have gone
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure", "reason": reason, "message": message, "code": code})
}
