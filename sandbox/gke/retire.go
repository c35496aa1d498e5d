package gke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// retire takes the objects of machines that are gone out of the cluster, as the
// controller does that Google runs beside a control plane.
func (s *Service) retire(ctx context.Context, c *cluster, gone []string) error {
	if len(gone) == 0 {
		return nil
	}
	client, address, err := s.controller(c)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var errs []error
	for _, name := range gone {
		if err := deleteNode(ctx, client, address, name); err != nil {
			errs = append(errs, fmt.Errorf("take node %s out of the cluster: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func deleteNode(ctx context.Context, client *http.Client, address, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, "https://"+address+"/api/v1/nodes/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		return fmt.Errorf("the API server answers %s", resp.Status)
	}
	return nil
}

// controller is a client of the cluster's API server with a certificate of its CA, which
// only the sandbox has.
func (s *Service) controller(c *cluster) (*http.Client, string, error) {
	dir := s.folder(c.UID)
	ca, err := authority(dir, c.UID)
	if err != nil {
		return nil, "", err
	}
	cert, err := issue(dir, time.Hour, x509.Certificate{
		Subject: pkix.Name{CommonName: "gke-controller", Organization: []string{"system:masters"}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	address, err := s.where(c)
	s.mu.Unlock()
	if err != nil {
		return nil, "", err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: c.Endpoint, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, address, nil
}

// without are the names of nodes that are in one list and not in the other.
func without(before, after []node) []string {
	var gone []string
	for _, n := range before {
		if !slices.ContainsFunc(after, func(other node) bool { return other.Name == n.Name }) {
			gone = append(gone, n.Name)
		}
	}
	return gone
}
