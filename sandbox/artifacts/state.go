package artifacts

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/disk"
)

// state is what artifacts.json holds.
type state struct {
	Version      int                    `json:"version"`
	Repositories map[string]*repository `json:"repositories"` // by resource name
	Operations   map[string]*operation  `json:"operations"`   // by name
}

const stateVersion = 1

// repository is one, and when it is to be seen.
type repository struct {
	*artifactregistrypb.Repository
	Ready time.Time // when its creation ends
}

type stored struct {
	Repository json.RawMessage `json:"repository"`
	Ready      time.Time       `json:"ready"`
}

// MarshalJSON writes the repository as the API does.
func (r *repository) MarshalJSON() ([]byte, error) {
	text, err := protojson.Marshal(r.Repository)
	if err != nil {
		return nil, err
	}
	return json.Marshal(stored{text, r.Ready})
}

// UnmarshalJSON is the opposite.
func (r *repository) UnmarshalJSON(data []byte) error {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	r.Repository, r.Ready = &artifactregistrypb.Repository{}, s.Ready
	return protojson.Unmarshal(s.Repository, r.Repository)
}

func (s *Service) load(dir string) error {
	s.state = state{Version: stateVersion, Repositories: map[string]*repository{}, Operations: map[string]*operation{}}
	if dir == "" {
		return nil
	}
	s.path = filepath.Join(dir, "artifacts.json")
	if _, err := disk.Read(s.path, &s.state, &s.state.Version, stateVersion); err != nil {
		return fmt.Errorf("read the sandbox's repositories: %w", err)
	}
	return nil
}

// save writes the state; the caller holds the lock.
func (s *Service) save() error {
	if s.path == "" {
		return nil
	}
	if err := disk.Write(s.path, s.state); err != nil {
		return fmt.Errorf("save the sandbox's repositories: %w", err)
	}
	return nil
}

// find is a repository whose creation has ended; the caller holds the lock.
func (s *Service) find(name string) *artifactregistrypb.Repository {
	r := s.state.Repositories[s.canonical(name)]
	if r == nil || s.iam.Now().Before(r.Ready) {
		return nil
	}
	return r.Repository
}

// get is a copy of a repository.
func (s *Service) get(name string) (*artifactregistrypb.Repository, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.find(name); r != nil {
		return proto.Clone(r).(*artifactregistrypb.Repository), nil
	}
	return nil, notFound()
}
