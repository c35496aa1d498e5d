package registry

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// put keeps a manifest under its digest, and under a tag where the reference is one.
// Everything that it names must be there. With fixed tags a tag stays where it is.
func (s *Store) put(repo, name, reference string, body []byte, contentType string, fixed bool) (string, *document, *refusal) {
	d, refused := parseManifest(body, contentType)
	if refused != nil {
		return "", nil, refused
	}
	digest := digestOf(body)
	if isDigest(reference) && reference != digest {
		return "", nil, digestInvalid("provided digest did not match uploaded content")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repo(repo)
	if refused := r.complete(name, d); refused != nil {
		return "", nil, refused
	}
	img := r.Packages[name]
	if fixed && !isDigest(reference) && img != nil && img.Tags[reference] != nil && img.Tags[reference].Digest != digest {
		return "", nil, manifestInvalid("cannot update tag " + reference + ". The repository has enabled tag immutability")
	}
	if s.files[digest] == 0 {
		if err := renameio.WriteFile(s.path(digest), body, 0o600); err != nil {
			return "", nil, failed(fmt.Errorf("keep a manifest: %w", err))
		}
	}
	s.link(repo, name, digest, int64(len(body)))
	s.enter(r, name, digest, d, int64(len(body)))
	if !isDigest(reference) {
		s.point(r.Packages[name], reference, digest)
	}
	if err := s.save(); err != nil {
		return "", nil, failed(err)
	}
	return digest, d, nil
}

// complete checks that the repository has what a manifest names: blobs anywhere in it,
// an index's manifests under the same image name.
func (r *repository) complete(name string, d *document) *refusal {
	for _, b := range d.blobs() {
		if b.elsewhere() {
			continue
		}
		have := r.Blobs[b.Digest]
		if have == nil {
			return &refusal{status: http.StatusBadRequest, code: "MANIFEST_BLOB_UNKNOWN", message: "blob unknown to registry",
				detail: map[string]string{"Digest": b.Digest}}
		}
		if have.Size != b.Size {
			return manifestInvalid(fmt.Sprintf("manifest invalid: %s has %d bytes, not %d", b.Digest, have.Size, b.Size))
		}
	}
	for _, m := range d.Manifests {
		if img := r.Packages[name]; img == nil || img.Versions[m.Digest] == nil {
			return &refusal{status: http.StatusBadRequest, code: "MANIFEST_BLOB_UNKNOWN", message: "manifest unknown to registry",
				detail: map[string]string{"Digest": m.Digest}}
		}
	}
	return nil
}

// enter notes a manifest in the index; the caller holds the lock.
func (s *Store) enter(r *repository, name, digest string, d *document, size int64) {
	now := s.clock()
	img := r.Packages[name]
	if img == nil {
		img = &image{Created: now, Versions: map[string]*Manifest{}, Tags: map[string]*tag{}}
		r.Packages[name] = img
	}
	img.Updated = now
	if img.Versions[digest] != nil {
		return
	}
	m := &Manifest{MediaType: d.MediaType, Size: size, ImageSize: size, Uploaded: now, Updated: now,
		ArtifactType: d.kindOf(), Annotations: d.Annotations, Built: s.built(d)}
	for _, b := range d.blobs() {
		m.ImageSize += b.Size
		if r.Blobs[b.Digest] != nil && !slices.Contains(m.Blobs, b.Digest) {
			m.Blobs = append(m.Blobs, b.Digest)
		}
	}
	for _, c := range d.Manifests {
		m.Children = append(m.Children, c.Digest)
		m.ImageSize += img.Versions[c.Digest].ImageSize
	}
	if d.Subject != nil {
		m.Subject = d.Subject.Digest
	}
	img.Versions[digest] = m
}

// built is when an image says that it was made.
func (s *Store) built(d *document) time.Time {
	if d.Config == nil || !strings.Contains(d.Config.MediaType, "image") || d.Config.Size > manifestMax {
		return time.Time{}
	}
	var config struct {
		Created time.Time `json:"created"`
	}
	if data, err := os.ReadFile(s.path(d.Config.Digest)); err == nil {
		_ = json.Unmarshal(data, &config) // a config of another kind says nothing
	}
	return config.Created
}

// point moves a tag; the caller holds the lock.
func (s *Store) point(img *image, name, digest string) {
	now := s.clock()
	img.Tags[name] = &tag{Digest: digest, Updated: now}
	img.Versions[digest].Updated = now
	img.Updated = now
}

// manifest finds one by tag or digest.
func (s *Store) manifest(repo, name, reference string) (body []byte, mediaType, digest string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	img := s.image(repo, name)
	if img == nil {
		return nil, "", "", manifestUnknown(reference)
	}
	if digest = reference; !isDigest(reference) {
		t := img.Tags[reference]
		if t == nil {
			return nil, "", "", manifestUnknown(reference)
		}
		digest = t.Digest
	}
	m := img.Versions[digest]
	if m == nil {
		return nil, "", "", manifestUnknown(reference)
	}
	body, err = os.ReadFile(s.path(digest))
	return body, m.MediaType, digest, err
}

func (s *Store) image(repo, name string) *image {
	if r := s.repos[repo]; r != nil {
		return r.Packages[name]
	}
	return nil
}

// referrers are the manifests of an image that refer to a digest, oldest first.
func (s *Store) referrers(repo, name, subject string) []Descriptor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	img := s.image(repo, name)
	if img == nil {
		return nil
	}
	var digests []string
	for digest, m := range img.Versions {
		if m.Subject == subject {
			digests = append(digests, digest)
		}
	}
	slices.SortFunc(digests, func(a, b string) int {
		return cmp.Or(img.Versions[a].Uploaded.Compare(img.Versions[b].Uploaded), strings.Compare(a, b))
	})
	var all []Descriptor
	for _, digest := range digests {
		m := img.Versions[digest]
		all = append(all, Descriptor{MediaType: m.MediaType, Digest: digest, Size: m.Size, ArtifactType: m.ArtifactType, Annotations: m.Annotations})
	}
	return all
}

// remove deletes a tag, or a manifest that neither a tag nor an index has.
func (s *Store) remove(repo, name, reference string, fixed bool) *refusal {
	if !isDigest(reference) {
		return s.removeTag(repo, name, reference, fixed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	img := s.image(repo, name)
	if img == nil || img.Versions[reference] == nil {
		return manifestUnknown(reference)
	}
	for tag, t := range img.Tags {
		if t.Digest == reference {
			return &refusal{status: http.StatusBadRequest, code: "GOOGLE_MANIFEST_DANGLING_TAG", message: "Manifest is still referenced by tag: " + tag}
		}
	}
	for _, m := range img.Versions {
		if slices.Contains(m.Children, reference) {
			return &refusal{status: http.StatusBadRequest, code: "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE", message: "Manifest is still referenced by one or more parent images"}
		}
	}
	s.forget(repo, name, reference)
	if err := s.save(); err != nil {
		return failed(err)
	}
	return nil
}

func (s *Store) removeTag(repo, name, reference string, fixed bool) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	img := s.image(repo, name)
	if img == nil || img.Tags[reference] == nil {
		return manifestUnknown(reference)
	}
	if fixed {
		return manifestInvalid("cannot delete tag " + reference + ". The repository has enabled tag immutability")
	}
	delete(img.Tags, reference)
	img.Updated = s.clock()
	if err := s.save(); err != nil {
		return failed(err)
	}
	return nil
}

// forget takes a manifest out of the index with its tags, and what only it had; an
// image without manifests is gone. The caller holds the lock.
func (s *Store) forget(repo, name, digest string) {
	r := s.repos[repo]
	img := r.Packages[name]
	m := img.Versions[digest]
	delete(img.Versions, digest)
	for tag, t := range img.Tags {
		if t.Digest == digest {
			delete(img.Tags, tag)
		}
	}
	img.Updated = s.clock()
	if len(img.Versions) == 0 {
		delete(r.Packages, name)
	}
	for _, b := range append(slices.Clone(m.Blobs), digest) {
		if !r.used(b) {
			s.unlink(r, b)
		}
	}
}
