package sandbox

import (
	"path/filepath"

	"github.com/signgate/signgate/sandbox/admin"
	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/chart"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/gke"
	"github.com/signgate/signgate/sandbox/kms"
	"github.com/signgate/signgate/sandbox/registry"
)

// serve wires the hosts: read from top to bottom it says what this Google Cloud has.
func (s *Sandbox) serve() error {
	// Sign-in, and what tells about tokens.
	s.front.Handle("oauth2.googleapis.com", front.OAuth(s.iam))
	s.front.Handle("www.googleapis.com", front.OAuth(s.iam))
	s.front.Handle("*.googleapis.com", front.Absent(s.journal)) // all that follow come before it
	for _, add := range []func() error{
		s.addAdmin,      // projects, billing, APIs, IAM
		s.addKeys,       // Cloud KMS
		s.addChart,      // where policy-controller comes from
		s.addRegistries, // Artifact Registry, Docker Hub, GitHub
		s.addClusters,   // Kubernetes Engine, and its clusters' endpoints
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sandbox) addAdmin() error {
	svc, err := admin.New(s.iam)
	if err != nil {
		return err
	}
	return s.add(svc)
}

func (s *Sandbox) addKeys() error {
	svc, err := kms.New(s.iam, kms.Options{Dir: s.keep})
	if err != nil {
		return err
	}
	s.kms = svc
	return s.add(svc)
}

func (s *Sandbox) addChart() error {
	s.chart = chart.Load(s.opt.Bin, s.journal)
	return s.add(s.chart)
}

// addRegistries has repositories as an API, and the images in them by the registry
// protocol: two doors to one store.
func (s *Sandbox) addRegistries() error {
	store, err := registry.Open(filepath.Join(s.dir, "registry"), s.iam.Now)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, store)
	api, err := artifacts.New(s.iam, artifacts.Options{Dir: s.keep, Store: store})
	if err != nil {
		return err
	}
	if err := s.add(api); err != nil {
		return err
	}
	images, err := registry.New(s.iam, registry.Options{Store: store, Repositories: api, GitHub: s.chart.Images()})
	if err != nil {
		return err
	}
	return s.add(images)
}

// addClusters comes last: clusters that were there before start at once, and need the rest.
func (s *Sandbox) addClusters() error {
	program := ""
	if s.opt.Bin != "" {
		program = filepath.Join(s.opt.Bin, "signgate-cluster")
	}
	svc, err := gke.New(s.iam, gke.Options{
		Dir: filepath.Join(s.dir, "gke"), Program: program, Programs: s.chart.Programs(), Proxy: s.proxy, ProxyCA: s.ca(), Log: s.opt.Log,
	})
	if err != nil {
		return err
	}
	s.gke = svc
	s.front.Inspect(svc.Endpoint, svc.Dial, svc.Identity, svc.Requests())
	return s.add(svc)
}
