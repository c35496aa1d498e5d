// Package config reads what one cluster of the sandbox is to be: the JSON
// file given to "signgate-cluster run". It is strict: an unknown key, a
// missing one or a file that others may read is refused in words.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Config describes one cluster.
type Config struct {
	Name        string `json:"name"`
	Dir         string `json:"dir"`         // private folder: data, keys, logs, pods
	Version     string `json:"version"`     // what GKE calls the version, shown by the nodes
	Endpoint    string `json:"endpoint"`    // the address clients reach the API server at
	PodCIDR     string `json:"podCIDR"`     // nodes take a /24 each
	ServiceCIDR string `json:"serviceCIDR"` // the first address is the API server's
	Nodes       []Node `json:"nodes"`

	CACert string `json:"caCert"` // PEM file: the cluster's CA
	CAKey  string `json:"caKey"`

	Control      string `json:"control"`      // base URL of the sandbox's control server
	ControlToken string `json:"controlToken"` // its bearer token
	Proxy        string `json:"proxy"`        // the sandbox's CONNECT proxy
	ProxyCA      string `json:"proxyCA"`      // PEM file: who signs the names behind it

	Issuer   string            `json:"issuer,omitempty"`   // of service account tokens
	Programs map[string]string `json:"programs,omitempty"` // image by digest -> executable
	// InitialDelays makes readiness probes wait out initialDelaySeconds, as a
	// kubelet does. Without it they begin at once, and only their failures
	// wait: a container that is ready is shown ready.
	InitialDelays bool `json:"initialDelays,omitempty"`
	// HostNetwork keeps pods' processes in the machine's own network, as on a
	// kernel that gives no namespaces to normal users.
	HostNetwork bool `json:"hostNetwork,omitempty"`
}

// Node describes one node.
type Node struct {
	Name        string `json:"name"`
	Zone        string `json:"zone"`
	Region      string `json:"region"`
	Pool        string `json:"pool"`
	MachineType string `json:"machineType"`
	CPU         string `json:"cpu"`    // allocatable
	Memory      string `json:"memory"` // allocatable
	InternalIP  string `json:"internalIP"`
	Project     string `json:"project,omitempty"` // for the provider ID
}

const maxSize = 1 << 20

// Load reads the file and says all that is wrong with it.
func Load(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("config %s holds a secret but others may read it (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	if info.Size() > maxSize {
		return nil, fmt.Errorf("config %s is larger than %d bytes", path, maxSize)
	}
	data, err := os.ReadFile(path) //nolint:gosec // the caller names it
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	c, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", path, err)
	}
	return c, nil
}

// parse decodes and validates.
func parse(data []byte) (*Config, error) {
	var c Config
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if c.Issuer == "" {
		c.Issuer = "https://kubernetes.default.svc"
	}
	return &c, c.validate()
}

// faults collects what is wrong, each with its path.
type faults []error

func (f *faults) add(path, format string, args ...any) {
	*f = append(*f, fmt.Errorf(path+": "+format, args...))
}

func (c *Config) validate() error {
	var f faults
	for path, value := range map[string]string{"name": c.Name, "version": c.Version, "controlToken": c.ControlToken} {
		if value == "" {
			f.add(path, "is missing")
		}
	}
	for path, value := range map[string]string{"dir": c.Dir, "caCert": c.CACert, "caKey": c.CAKey, "proxyCA": c.ProxyCA} {
		if !filepath.IsAbs(value) {
			f.add(path, "%q is not an absolute path", value)
		}
	}
	if a, err := netip.ParseAddr(c.Endpoint); err != nil || a.IsLoopback() {
		f.add("endpoint", "%q is not an address outside loopback", c.Endpoint)
	}
	if p, err := netip.ParsePrefix(c.PodCIDR); err != nil || p.Bits() > 24 || !p.Addr().Is4() {
		f.add("podCIDR", "%q is not an IPv4 range of at least 256 addresses", c.PodCIDR)
	}
	if p, err := netip.ParsePrefix(c.ServiceCIDR); err != nil || p.Bits() > 28 || !p.Addr().Is4() {
		f.add("serviceCIDR", "%q is not an IPv4 range of at least 16 addresses", c.ServiceCIDR)
	}
	for path, value := range map[string]string{"control": c.Control, "proxy": c.Proxy} {
		if err := loopback(value); err != nil {
			f.add(path, "%w", err)
		}
	}
	c.validateNodes(&f)
	c.validatePrograms(&f)
	return errors.Join(f...)
}

// loopback holds a URL to http on this machine: what goes there is secret.
func loopback(value string) error {
	u, err := url.Parse(value)
	if err != nil {
		return err
	}
	if u.Scheme != "http" || u.Port() == "" {
		return fmt.Errorf("%q is not http://127.0.0.1:PORT", value)
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%q is not on loopback", value)
	}
	return nil
}

var nodeName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (c *Config) validateNodes(f *faults) {
	if len(c.Nodes) == 0 {
		f.add("nodes", "there is none")
	}
	seen := map[string]bool{}
	for i, n := range c.Nodes {
		at := fmt.Sprintf("nodes[%d]", i)
		if !nodeName.MatchString(n.Name) {
			f.add(at+".name", "%q is not a node's name", n.Name)
		}
		if seen[n.Name] || seen[n.InternalIP] {
			f.add(at, "name or address is another node's")
		}
		seen[n.Name], seen[n.InternalIP] = true, true
		for path, value := range map[string]string{"cpu": n.CPU, "memory": n.Memory} {
			if _, err := resource.ParseQuantity(value); err != nil {
				f.add(at+"."+path, "%q: %w", value, err)
			}
		}
		if _, err := netip.ParseAddr(n.InternalIP); err != nil {
			f.add(at+".internalIP", "%q is not an address", n.InternalIP)
		}
	}
}

func (c *Config) validatePrograms(f *faults) {
	for image, program := range c.Programs {
		at := "programs[" + image + "]"
		if _, digest, ok := strings.Cut(image, "@"); !ok || !strings.HasPrefix(digest, "sha256:") {
			f.add(at, "the image is not given by digest")
		}
		if !filepath.IsAbs(program) {
			f.add(at, "%q is not an absolute path", program)
			continue
		}
		info, err := os.Stat(program)
		if errors.Is(err, fs.ErrNotExist) {
			f.add(at, "%s does not exist: make policy-controller", program)
		} else if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			f.add(at, "%s is not an executable", program)
		}
	}
}

// Program is the executable for an image's digest; "" for images that are
// not executed.
func (c *Config) Program(digest string) string {
	for image, program := range c.Programs {
		if strings.HasSuffix(image, "@"+digest) {
			return program
		}
	}
	return ""
}

// Path joins names under the cluster's folder.
func (c *Config) Path(names ...string) string {
	return filepath.Join(append([]string{c.Dir}, names...)...)
}
