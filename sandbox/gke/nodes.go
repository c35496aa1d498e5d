package gke

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// tending is what must be done to nodes' objects once a cluster has become another one, as
// the controllers do that Google runs beside a control plane: those of machines that
// are gone go too, and all have the labels and taints of their pools.
func tending(before, after *cluster) []call {
	var calls []call
	for _, name := range without(before.Nodes, after.Nodes) {
		calls = append(calls, call{http.MethodDelete, name, nil})
	}
	fresh := without(after.Nodes, before.Nodes)
	for _, n := range after.Nodes {
		config, old := after.pool(n.Pool).GetConfig(), before.pool(n.Pool).GetConfig()
		if slices.Contains(fresh, n.Name) {
			old = nil
		}
		if patch := dress(old, config); len(patch) > 0 {
			calls = append(calls, call{http.MethodPatch, n.Name, patch})
		}
	}
	return calls
}

// dress is what makes a node with one configuration one with another; empty for nothing.
func dress(old, config *containerpb.NodeConfig) map[string]any {
	patch := map[string]any{}
	if !maps.Equal(old.GetLabels(), config.GetLabels()) {
		labels := map[string]any{}
		for k := range old.GetLabels() {
			labels[k] = nil
		}
		for k, v := range config.GetLabels() {
			labels[k] = v
		}
		patch["metadata"] = map[string]any{"labels": labels}
	}
	if !slices.EqualFunc(old.GetTaints(), config.GetTaints(), func(a, b *containerpb.NodeTaint) bool { return proto.Equal(a, b) }) {
		taints := []map[string]string{}
		for _, t := range config.GetTaints() {
			taints = append(taints, map[string]string{"key": t.GetKey(), "value": t.GetValue(), "effect": effect(t.GetEffect())})
		}
		patch["spec"] = map[string]any{"taints": taints}
	}
	return patch
}

// effect is a taint's as Kubernetes words it.
func effect(e containerpb.NodeTaint_Effect) string {
	switch e {
	case containerpb.NodeTaint_NO_EXECUTE:
		return "NoExecute"
	case containerpb.NodeTaint_PREFER_NO_SCHEDULE:
		return "PreferNoSchedule"
	}
	return "NoSchedule"
}

// call is one request about a node's object.
type call struct {
	method string
	node   string
	patch  map[string]any
}

// tend makes the calls.
func (s *Service) tend(ctx context.Context, c *cluster, calls []call) error {
	if len(calls) == 0 {
		return nil
	}
	client, address, err := s.controller(c)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var errs []error
	for _, one := range calls {
		if err := one.do(ctx, client, address); err != nil {
			errs = append(errs, fmt.Errorf("bring node %s in line: %w", one.node, err))
		}
	}
	return errors.Join(errs...)
}

func (c call) do(ctx context.Context, client *http.Client, address string) error {
	body, err := json.Marshal(c.patch)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, c.method, "https://"+address+"/api/v1/nodes/"+c.node, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/merge-patch+json")
	if c.method == http.MethodDelete {
		req.Body, req.ContentLength = http.NoBody, 0
		req.Header.Del("Content-Type")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	gone := c.method == http.MethodDelete && resp.StatusCode == http.StatusNotFound
	if resp.StatusCode != http.StatusOK && !gone {
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
