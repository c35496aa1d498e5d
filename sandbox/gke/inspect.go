package gke

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// Identity is a certificate for a cluster's endpoint that its clients trust, of the
// cluster's own CA: for the front, where faults are to happen to single requests.
func (s *Service) Identity(host string) (*tls.Certificate, error) {
	c := s.at(host)
	if c == nil {
		return nil, errors.New("no cluster has this endpoint")
	}
	dir := s.folder(c.UID)
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's CA: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host}, IPAddresses: []net.IP{net.ParseIP(host)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// Requests serves single requests to clusters' endpoints, which otherwise pass unseen. The
// certificate of a client does not come through: clusters know their clients by token.
func (s *Service) Requests() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.at(r.Host)
		if c == nil {
			kubernetesError(w, http.StatusNotFound, "NotFound", "no cluster has the endpoint "+r.Host)
			return
		}
		s.pass(w, r, c)
	})
}

// at is the cluster with an endpoint; nil if there is none.
func (s *Service) at(host string) *cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.state.Clusters {
		if c.Endpoint == host && c.public() {
			return c.copy()
		}
	}
	return nil
}
