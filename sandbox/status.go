package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/signgate/signgate/sandbox/chart"
)

// Status is what a running sandbox says of itself. It is also in sandbox.json, for
// those who come when it has ended without a word.
type Status struct {
	PID      int       `json:"pid"`
	Run      string    `json:"run"` // marks the processes of this run
	Since    time.Time `json:"since"`
	Dir      string    `json:"dir"`
	Bin      string    `json:"bin,omitempty"`
	Proxy    string    `json:"proxy"`
	Control  string    `json:"control"` // its socket
	Calls    int       `json:"calls"`   // since it was started
	Chart    *Chart    `json:"chart,omitempty"`
	Clusters []Cluster `json:"clusters"`
	Missing  []string  `json:"missing,omitempty"` // programs that are not in Bin
	Rebuilt  []string  `json:"rebuilt,omitempty"` // programs that were built anew since it was started
	Trouble  []string  `json:"trouble,omitempty"` // what of it cannot be used, and why

	// What it was told to be like; nil and empty as in the beginning.
	Latency     *Latency     `json:"latency,omitempty"`
	Consistency *Consistency `json:"consistency,omitempty"`
	Quota       Quota        `json:"quota,omitempty"`
}

// Chart is policy-controller's, as the sandbox serves it.
type Chart struct {
	URL     string `json:"url"` // of the repository
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // sha256 of the archive, in hex
}

// Cluster is one of Kubernetes Engine's.
type Cluster struct {
	Project  string `json:"project"`
	Location string `json:"location"`
	Name     string `json:"name"`
	Status   string `json:"status"` // as the API says it
	Endpoint string `json:"endpoint,omitempty"`
	Version  string `json:"version,omitempty"`
	UID      string `json:"uid"`
}

// Status is what the sandbox is and has now.
func (s *Sandbox) Status() Status {
	st := Status{
		PID: os.Getpid(), Dir: s.dir, Bin: s.opt.Bin, Proxy: s.proxy, Calls: s.journal.Total(),
		Missing: Missing(s.opt.Bin), Rebuilt: s.programs.rebuilt(), Clusters: s.clusters(),
	}
	s.set.tell(&st)
	if s.chart.Problem() == nil {
		st.Chart = &Chart{URL: "https://sigstore.github.io/helm-charts", Name: chart.Name, Version: chart.Version, Digest: s.chart.Digest()}
	} else {
		st.Trouble = append(st.Trouble, s.chart.Problem().Error())
	}
	return st
}

// clusters are those of all projects, as the API shows them.
func (s *Sandbox) clusters() []Cluster {
	out := []Cluster{}
	for _, p := range s.iam.Projects() {
		list, err := s.gke.ListClusters(context.Background(), &containerpb.ListClustersRequest{Parent: "projects/" + p.ID + "/locations/-"})
		if err != nil { // a project that is being deleted
			continue
		}
		for _, c := range list.GetClusters() {
			out = append(out, Cluster{
				Project: p.ID, Location: c.GetLocation(), Name: c.GetName(), Status: c.GetStatus().String(),
				Endpoint: c.GetEndpoint(), Version: c.GetCurrentMasterVersion(), UID: c.GetId(),
			})
		}
	}
	return out
}

func (p place) statusFile() string { return filepath.Join(p.dir, "sandbox.json") }

// recorded reads sandbox.json; ok is false where there is none.
func (p place) recorded() (st Status, ok bool, err error) {
	data, err := os.ReadFile(p.statusFile())
	if errors.Is(err, fs.ErrNotExist) {
		return st, false, nil
	}
	if err != nil {
		return st, false, err
	}
	if err := json.Unmarshal(data, &st); err != nil {
		return st, false, fmt.Errorf("%s is damaged: %w", p.statusFile(), err)
	}
	return st, true, nil
}
