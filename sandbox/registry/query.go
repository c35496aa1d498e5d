package registry

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Package is an image name of a repository, as Artifact Registry calls it.
type Package struct {
	Name     string
	Created  time.Time
	Updated  time.Time
	Versions []Version      // newest first
	Tags     map[string]Tag // by name
}

// Version is a manifest of a package.
type Version struct {
	Manifest
	Digest string
	Tags   []string // sorted
}

// Tag points at a version.
type Tag struct {
	Digest  string
	Updated time.Time
}

// Packages are those of a repository, by name.
func (s *Store) Packages(repo string) []Package {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.repos[repo]
	if r == nil {
		return nil
	}
	var all []Package
	for _, name := range slices.Sorted(maps.Keys(r.Packages)) {
		all = append(all, r.Packages[name].export(name))
	}
	return all
}

// Package looks one up.
func (s *Store) Package(repo, name string) (Package, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	img := s.image(repo, name)
	if img == nil {
		return Package{}, false
	}
	return img.export(name), true
}

func (img *image) export(name string) Package {
	p := Package{Name: name, Created: img.Created, Updated: img.Updated, Tags: map[string]Tag{}}
	for digest, m := range img.Versions {
		p.Versions = append(p.Versions, Version{Manifest: *m, Digest: digest, Tags: img.tagsOf(digest)})
	}
	slices.SortFunc(p.Versions, func(a, b Version) int {
		return cmp.Or(b.Uploaded.Compare(a.Uploaded), strings.Compare(a.Digest, b.Digest))
	})
	for name, t := range img.Tags {
		p.Tags[name] = Tag{t.Digest, t.Updated}
	}
	return p
}

func (img *image) tagsOf(digest string) []string {
	var names []string
	for name, t := range img.Tags {
		if t.Digest == digest {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// list is what tags/list tells of an image name, or of the repository itself: its
// tags, the names one step below, and its versions.
func (s *Store) list(repo, name string) (tags, below []string, versions map[string]Version, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	below, ok = []string{}, name == ""
	prefix := ""
	if name != "" {
		prefix = name + "/"
	}
	if r := s.repos[repo]; r != nil {
		for other := range r.Packages {
			if rest, in := strings.CutPrefix(other, prefix); in {
				step, _, _ := strings.Cut(rest, "/")
				if ok = true; !slices.Contains(below, step) {
					below = append(below, step)
				}
			}
		}
	}
	slices.Sort(below)
	img := s.image(repo, name)
	if img == nil {
		return nil, below, nil, ok
	}
	versions = map[string]Version{}
	for digest, m := range img.Versions {
		versions[digest] = Version{Manifest: *m, Digest: digest, Tags: img.tagsOf(digest)}
	}
	return slices.Collect(maps.Keys(img.Tags)), below, versions, true
}

// Text is a manifest as it was pushed.
func (s *Store) Text(repo, name, digest string) ([]byte, error) {
	body, _, _, err := s.manifest(repo, name, digest)
	return body, err
}

// Blobs are all the files of a repository, by digest; manifests are among them.
func (s *Store) Blobs(repo string) map[string]Blob {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := map[string]Blob{}
	if r := s.repos[repo]; r != nil {
		for digest, b := range r.Blobs {
			all[digest] = *b
		}
	}
	return all
}

// Size is how much a repository has, in bytes.
func (s *Store) Size(repo string) int64 {
	var n int64
	for _, b := range s.Blobs(repo) {
		n += b.Size
	}
	return n
}

// SetTag lets a tag point at a version that is there.
func (s *Store) SetTag(repo, name, tag, digest string) (ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	img := s.image(repo, name)
	if img == nil || img.Versions[digest] == nil {
		return false, nil
	}
	s.point(img, tag, digest)
	return true, s.save()
}

// RemoveTag deletes a tag.
func (s *Store) RemoveTag(repo, name, tag string) (ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	img := s.image(repo, name)
	if img == nil || img.Tags[tag] == nil {
		return false, nil
	}
	delete(img.Tags, tag)
	img.Updated = s.clock()
	return true, s.save()
}

// RemoveVersion deletes a manifest with its tags.
func (s *Store) RemoveVersion(repo, name, digest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if img := s.image(repo, name); img == nil || img.Versions[digest] == nil {
		return os.ErrNotExist
	}
	s.forget(repo, name, digest)
	return s.save()
}

// RemovePackage deletes all of an image name.
func (s *Store) RemovePackage(repo, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	img := s.image(repo, name)
	if img == nil {
		return os.ErrNotExist
	}
	for _, digest := range slices.Collect(maps.Keys(img.Versions)) {
		s.forget(repo, name, digest)
	}
	return s.save()
}
