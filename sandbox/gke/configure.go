package gke

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// config is what signgate-cluster is told: the file of its flag --config.
type config struct {
	Name         string            `json:"name"`
	Dir          string            `json:"dir"`
	Version      string            `json:"version"`
	Endpoint     string            `json:"endpoint"`
	PodCIDR      string            `json:"podCIDR"`
	ServiceCIDR  string            `json:"serviceCIDR"`
	Nodes        []configNode      `json:"nodes"`
	CACert       string            `json:"caCert"`
	CAKey        string            `json:"caKey"`
	Control      string            `json:"control"`
	ControlToken string            `json:"controlToken"`
	Proxy        string            `json:"proxy"`
	ProxyCA      string            `json:"proxyCA"`
	Issuer       string            `json:"issuer"` // of Kubernetes accounts' tokens
	Programs     map[string]string `json:"programs"`
}

type configNode struct {
	Name        string `json:"name"`
	Zone        string `json:"zone"`
	Region      string `json:"region"`
	Pool        string `json:"pool"`
	MachineType string `json:"machineType"`
	CPU         string `json:"cpu"`
	Memory      string `json:"memory"`
	InternalIP  string `json:"internalIP"`
	Project     string `json:"project"`
}

// configure writes a cluster's configuration with a new control token, which holds
// until forget is called.
func (s *Service) configure(uid string) (path string, forget func(), err error) {
	dir := s.folder(uid)
	if _, err := authority(dir, uid); err != nil {
		return "", nil, err
	}
	token := rand.Text() + rand.Text()
	s.mu.Lock()
	c := s.byUID(uid)
	if c == nil {
		s.mu.Unlock()
		return "", nil, errors.New("the cluster is gone")
	}
	data, err := json.MarshalIndent(s.config(c, token), "", "  ")
	if err == nil {
		s.secrets[hash(token)] = uid
	}
	s.mu.Unlock()
	if err != nil {
		return "", nil, fmt.Errorf("write the cluster's configuration: %w", err)
	}
	forget = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.secrets, hash(token))
	}
	path = filepath.Join(dir, "config.json")
	if err := renameio.WriteFile(path, data, 0o600); err != nil {
		forget()
		return "", nil, fmt.Errorf("write the cluster's configuration: %w", err)
	}
	return path, forget, nil
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// config is a cluster's; the caller holds the lock.
func (s *Service) config(c *cluster, token string) config {
	dir := s.folder(c.UID)
	out := config{
		Name: c.pb.GetName(), Dir: dir, Version: c.pb.GetCurrentMasterVersion(), Endpoint: c.Endpoint,
		PodCIDR: c.pb.GetClusterIpv4Cidr(), ServiceCIDR: c.pb.GetServicesIpv4Cidr(), Nodes: []configNode{},
		CACert: filepath.Join(dir, "ca.pem"), CAKey: filepath.Join(dir, "ca.key"),
		Control: "http://" + s.address, ControlToken: token,
		Proxy: s.opt.Proxy, ProxyCA: s.opt.ProxyCA, Programs: s.opt.Programs,
		Issuer: "https://" + Host + "/v1/projects/" + c.Project + "/locations/" + c.pb.GetLocation() + "/clusters/" + c.pb.GetName(),
	}
	for _, n := range c.Nodes {
		pool := c.pool(n.Pool)
		machine := machineOf(pool.GetConfig().GetMachineType())
		one := configNode{
			Name: n.Name, Zone: n.Zone, Region: regionOf(n.Zone), Pool: n.Pool, MachineType: pool.GetConfig().GetMachineType(),
			CPU: machine.cpu, Memory: machine.memory, InternalIP: n.IP, Project: c.Project,
		}
		out.Nodes = append(out.Nodes, one)
	}
	return out
}
