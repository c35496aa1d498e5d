package gke

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/http"
	"time"
)

// Identity is a certificate for a cluster's endpoint that its clients trust, of the
// cluster's own CA: for the front, where faults are to happen to single requests.
func (s *Service) Identity(host string) (*tls.Certificate, error) {
	c, err := s.at(host)
	if err != nil {
		return nil, err
	}
	cert, err := issue(s.folder(c.UID), 24*time.Hour, x509.Certificate{
		Subject: pkix.Name{CommonName: host}, IPAddresses: []net.IP{net.ParseIP(host)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return &cert, err
}

// Requests serves single requests to clusters' endpoints, which otherwise pass unseen. The
// certificate of a client does not come through: clusters know their clients by token.
func (s *Service) Requests() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.at(r.Host)
		if err != nil {
			kubernetesError(w, http.StatusNotFound, "NotFound", err.Error())
			return
		}
		s.pass(w, r, c)
	})
}
