package gke

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/disk"
)

// state is what gke.json holds.
type state struct {
	Version    int          `json:"version"`
	Clusters   []*cluster   `json:"clusters"`
	Operations []*operation `json:"operations"` // oldest first
}

const (
	stateVersion   = 1
	operationsKept = 500
)

// cluster is one cluster: what clients see of it, and what only its keeper needs.
type cluster struct {
	UID      string          `json:"uid"` // names its folder
	Project  string          `json:"project"`
	Number   string          `json:"number"`
	Endpoint string          `json:"endpoint"` // address outside its network, and
	Private  string          `json:"private"`  // inside
	Nodes    []node          `json:"nodes"`
	Accounts map[string]user `json:"accounts"` // of node pools: as it was when the pool was made
	Shown    json.RawMessage `json:"shown"`    // pb

	pb *containerpb.Cluster
}

// user is a node pool's service account. A later account of the same name is another
// one: its unique id differs.
type user struct {
	Email    string `json:"email"`
	UniqueID string `json:"uniqueId,omitempty"` // "": Compute Engine's own, which the sandbox's IAM does not keep
}

// node is one machine.
type node struct {
	Name     string `json:"name"`
	Zone     string `json:"zone"`
	Pool     string `json:"pool"`
	IP       string `json:"ip"`
	Instance uint64 `json:"instance"` // id
}

func (c *cluster) name() name {
	return name{project: c.Project, number: c.Number, location: c.pb.GetLocation(), kind: "clusters", id: c.pb.GetName()}
}

func (c *cluster) pool(id string) *containerpb.NodePool {
	for _, p := range c.pb.GetNodePools() {
		if p.GetName() == id {
			return p
		}
	}
	return nil
}

// trouble is what the cluster's conditions say.
func (c *cluster) trouble() string {
	var words []string
	for _, condition := range c.pb.GetConditions() {
		words = append(words, condition.GetMessage())
	}
	return strings.Join(words, "; ")
}

// operation is work on a cluster that takes time.
type operation struct {
	Project string          `json:"project"`
	Cluster string          `json:"cluster"` // uid
	Shown   json.RawMessage `json:"shown"`   // pb

	pb    *containerpb.Operation
	pace  pace
	parts int64  // of its stages, that are done
	pool  string // that it is about, if it is
}

func (s *Service) file() string { return filepath.Join(s.dir, "gke.json") }

// load reads the state. A damaged or newer file is refused and left as it is.
func (s *Service) load() error {
	found, err := disk.Read(s.file(), &s.state, &s.state.Version, stateVersion)
	if err != nil {
		return fmt.Errorf("read the sandbox's clusters: %w", err)
	}
	if !found {
		s.state = state{Version: stateVersion}
	}
	lenient := protojson.UnmarshalOptions{DiscardUnknown: true}
	for _, c := range s.state.Clusters {
		c.pb = &containerpb.Cluster{}
		if err := lenient.Unmarshal(c.Shown, c.pb); err != nil {
			return fmt.Errorf("read the sandbox's clusters: %w", disk.Damaged(s.file(), err))
		}
	}
	for _, o := range s.state.Operations {
		o.pb = &containerpb.Operation{}
		if err := lenient.Unmarshal(o.Shown, o.pb); err != nil {
			return fmt.Errorf("read the sandbox's clusters: %w", disk.Damaged(s.file(), err))
		}
	}
	return nil
}

// save writes the state; the caller holds the lock.
func (s *Service) save() error {
	if n := len(s.state.Operations) - operationsKept; n > 0 {
		s.state.Operations = slices.Delete(s.state.Operations, 0, n)
	}
	for _, c := range s.state.Clusters {
		c.Shown = text(c.pb)
	}
	for _, o := range s.state.Operations {
		o.Shown = text(o.pb)
	}
	if err := disk.Write(s.file(), s.state); err != nil {
		return fmt.Errorf("save the sandbox's clusters: %w", err)
	}
	return nil
}

func text(m proto.Message) json.RawMessage {
	out, err := protojson.Marshal(m)
	if err != nil { // a message of our own making
		return json.RawMessage("{}")
	}
	return out
}

// change edits the state and saves it. An edit that fails must leave the state as it was.
func (s *Service) change(edit func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := edit(); err != nil {
		return err
	}
	return s.save()
}

// settle is change for what cannot fail; what cannot be saved is logged.
func (s *Service) settle(edit func()) {
	if err := s.change(func() error { edit(); return nil }); err != nil {
		s.logf("%v", err)
	}
}

func (s *Service) logf(format string, args ...any) {
	fmt.Fprintf(s.opt.Log, "gke: "+format+"\n", args...)
}

// lookup finds a cluster; the caller holds the lock.
func (s *Service) lookup(n name) (*cluster, error) {
	for _, c := range s.state.Clusters {
		if c.Project == n.project && c.pb.GetName() == n.id && c.pb.GetLocation() == n.location {
			return c, nil
		}
	}
	if err := s.known(n); err != nil {
		return nil, err
	}
	return nil, notFound(n.cluster())
}

func (s *Service) byUID(uid string) *cluster {
	for _, c := range s.state.Clusters {
		if c.UID == uid {
			return c
		}
	}
	return nil
}

func (s *Service) folder(uid string) string { return filepath.Join(s.dir, "clusters", uid) }
