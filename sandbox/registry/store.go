package registry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signgate/signgate/sandbox/disk"
)

// Store keeps what was pushed: content in files by digest, once each, and an index of
// which repository has what. It may be used by many goroutines at once.
type Store struct {
	dir     string
	scratch bool // dir goes with Close
	clock   func() time.Time

	mu    sync.RWMutex
	repos map[string]*repository // by resource name: "projects/p/locations/l/repositories/r"
	files map[string]int         // digest -> how many repositories have it
	open  map[string]*upload     // by id
}

// repository is one of Artifact Registry's. Its images share their blobs.
type repository struct {
	Blobs    map[string]*Blob  `json:"blobs"`    // by digest
	Packages map[string]*image `json:"packages"` // by image name: "nginx", "team/app"
}

// Blob is content that a repository has.
type Blob struct {
	Size    int64     `json:"size"`
	Created time.Time `json:"created"`
	Owner   string    `json:"owner,omitempty"` // image name it came with
}

type image struct {
	Created  time.Time            `json:"created"`
	Updated  time.Time            `json:"updated"`
	Versions map[string]*Manifest `json:"versions"` // by digest
	Tags     map[string]*tag      `json:"tags"`
}

type tag struct {
	Digest  string    `json:"digest"`
	Updated time.Time `json:"updated"`
}

// Manifest is what the index knows of one. Its text is a file, as blobs are.
type Manifest struct {
	MediaType    string            `json:"mediaType"`
	Size         int64             `json:"size"`
	ImageSize    int64             `json:"imageSize"` // with its config and layers
	Uploaded     time.Time         `json:"uploaded"`
	Updated      time.Time         `json:"updated"` // tagged, last
	Built        time.Time         `json:"built"`   // as its config says; zero if it says nothing
	ArtifactType string            `json:"artifactType,omitempty"`
	Subject      string            `json:"subject,omitempty"` // digest of what it refers to
	Annotations  map[string]string `json:"annotations,omitempty"`
	Blobs        []string          `json:"blobs,omitempty"`    // digests
	Children     []string          `json:"children,omitempty"` // of an index, those that are here
}

type index struct {
	Version      int                    `json:"version"`
	Repositories map[string]*repository `json:"repositories"`
}

const indexVersion = 1

// Open opens the store in dir, or makes one; with no dir it is in a temporary folder
// that Close removes. What uploads left behind goes.
func Open(dir string, clock func() time.Time) (*Store, error) {
	s := &Store{dir: dir, clock: clock, repos: map[string]*repository{}, files: map[string]int{}, open: map[string]*upload{}}
	if clock == nil {
		s.clock = time.Now
	}
	if dir == "" {
		scratch, err := os.MkdirTemp("", "signgate-registry-")
		if err != nil {
			return nil, fmt.Errorf("open the registry's store: %w", err)
		}
		s.dir, s.scratch = scratch, true
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the registry's store: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) load() error {
	for _, sub := range []string{s.dir, s.contents(), s.inbox()} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return err
		}
	}
	var i index
	if _, err := disk.Read(s.indexPath(), &i, &i.Version, indexVersion); err != nil {
		return err
	}
	if i.Repositories != nil {
		s.repos = i.Repositories
	}
	for _, r := range s.repos {
		for digest := range r.Blobs {
			s.files[digest]++
		}
	}
	return s.sweep()
}

// sweep removes files that no repository has, and uploads that were under way.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.contents())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if s.files["sha256:"+e.Name()] == 0 {
			if err := os.RemoveAll(filepath.Join(s.contents(), e.Name())); err != nil {
				return err
			}
		}
	}
	if entries, err = os.ReadDir(s.inbox()); err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(s.inbox(), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) contents() string  { return filepath.Join(s.dir, "sha256") }
func (s *Store) inbox() string     { return filepath.Join(s.dir, "uploads") }
func (s *Store) indexPath() string { return filepath.Join(s.dir, "index.json") }

// path is where a digest's content is; digests are well formed here.
func (s *Store) path(digest string) string {
	return filepath.Join(s.contents(), strings.TrimPrefix(digest, "sha256:"))
}

// save writes the index; the caller holds the lock.
func (s *Store) save() error {
	if s.scratch {
		return nil
	}
	if err := disk.Write(s.indexPath(), index{indexVersion, s.repos}); err != nil {
		return fmt.Errorf("save the registry's index: %w", err)
	}
	return nil
}

// Close ends uploads; a temporary store is gone then.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.open {
		s.abandon(id)
	}
	if s.scratch {
		return os.RemoveAll(s.dir)
	}
	return nil
}

// repo is the repository of that name, made if it is not there yet; the caller holds the lock.
func (s *Store) repo(name string) *repository {
	r := s.repos[name]
	if r == nil {
		r = &repository{Blobs: map[string]*Blob{}, Packages: map[string]*image{}}
		s.repos[name] = r
	}
	return r
}

// link notes that a repository has content which is in its place; the caller holds the lock.
func (s *Store) link(repo, owner, digest string, size int64) {
	r := s.repo(repo)
	if r.Blobs[digest] == nil {
		r.Blobs[digest] = &Blob{Size: size, Created: s.clock(), Owner: owner}
		s.files[digest]++
	}
}

// unlink is the opposite: content that nobody has any more goes. The caller holds the lock.
func (s *Store) unlink(r *repository, digest string) {
	if r.Blobs[digest] == nil {
		return
	}
	delete(r.Blobs, digest)
	if s.files[digest]--; s.files[digest] <= 0 {
		delete(s.files, digest)
		_ = os.Remove(s.path(digest)) // else the next sweep
	}
}

// Drop forgets a repository and everything in it.
func (s *Store) Drop(repo string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[repo]
	if r == nil {
		return nil
	}
	for digest := range r.Blobs {
		s.unlink(r, digest)
	}
	delete(s.repos, repo)
	for id, u := range s.open {
		if u.repo == repo {
			s.abandon(id)
		}
	}
	return s.save()
}

// used says whether a manifest of the repository has the digest among its blobs, or is it.
func (r *repository) used(digest string) bool {
	for _, img := range r.Packages {
		if img.Versions[digest] != nil {
			return true
		}
		for _, m := range img.Versions {
			if slices.Contains(m.Blobs, digest) {
				return true
			}
		}
	}
	return false
}
