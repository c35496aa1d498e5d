package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	uploadIdle = 24 * time.Hour // after which an upload is given up
	blobMax    = 5 << 40        // Artifact Registry's limit of a file: 5 TB
)

// upload is a blob on its way in.
type upload struct {
	mu    sync.Mutex // one request at a time
	repo  string
	name  string // image, within the repository
	image string // its whole name
	file  *os.File
	sum   hash.Hash
	size  int64
	last  time.Time
	done  bool
}

// begin starts an upload to a repository.
func (s *Store) begin(repo, name, image string) (string, error) {
	id := rand.Text()
	f, err := os.OpenFile(filepath.Join(s.inbox(), id), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("begin an upload: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	for old, u := range s.open {
		if now.Sub(u.last) > uploadIdle {
			s.abandon(old)
		}
	}
	s.open[id] = &upload{repo: repo, name: name, image: image, file: f, sum: sha256.New(), last: now}
	return id, nil
}

// abandon ends an upload and leaves nothing of it; the caller holds the lock.
func (s *Store) abandon(id string) {
	u := s.open[id]
	if u == nil {
		return
	}
	delete(s.open, id)
	u.file.Close()
	_ = os.Remove(u.file.Name()) // else the next sweep
}

// upload finds one that goes to the repository, and keeps others off it until release.
func (s *Store) upload(repo, id string) (*upload, *refusal) {
	s.mu.RLock()
	u := s.open[id]
	s.mu.RUnlock()
	if u == nil || u.repo != repo {
		return nil, uploadUnknown()
	}
	u.mu.Lock()
	if u.done {
		u.mu.Unlock()
		return nil, uploadUnknown()
	}
	return u, nil
}

func (u *upload) release() { u.mu.Unlock() }

// append adds a body. One that is cut short leaves the upload as it was, so that the
// client may send it again.
func (s *Store) append(u *upload, body io.Reader) *refusal {
	before, size := snapshot(u.sum), u.size
	n, err := io.Copy(io.MultiWriter(u.file, u.sum), io.LimitReader(body, blobMax-u.size+1))
	u.size += n
	s.mu.Lock()
	u.last = s.clock()
	s.mu.Unlock()
	if err == nil && u.size <= blobMax {
		return nil
	}
	u.size = size
	restore(u.sum, before)
	if err := u.file.Truncate(size); err != nil {
		return failed(err)
	}
	if _, err := u.file.Seek(size, io.SeekStart); err != nil {
		return failed(err)
	}
	if err == nil {
		return &refusal{status: http.StatusRequestEntityTooLarge, code: "SIZE_INVALID", message: "provided length exceeds the maximum"}
	}
	return &refusal{status: http.StatusBadRequest, code: "BLOB_UPLOAD_INVALID", message: "blob upload invalid"}
}

func snapshot(h hash.Hash) []byte {
	state, _ := h.(encoding.BinaryMarshaler).MarshalBinary() // SHA-256 can always
	return state
}

func restore(h hash.Hash, state []byte) {
	_ = h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state) // it comes from snapshot
}

// finish puts the upload in its place, if it is what the digest says; else nothing is
// left of it.
func (s *Store) finish(u *upload, id, digest string) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.done = true
	defer s.abandon(id)
	if got := "sha256:" + hex.EncodeToString(u.sum.Sum(nil)); got != digest {
		return digestInvalid("provided digest did not match uploaded content")
	}
	if s.files[digest] == 0 {
		if err := os.Rename(u.file.Name(), s.path(digest)); err != nil {
			return failed(fmt.Errorf("keep a blob: %w", err))
		}
	}
	s.link(u.repo, u.name, digest, u.size)
	return nil
}

// cancel ends an upload at the client's wish.
func (s *Store) cancel(u *upload, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.done = true
	s.abandon(id)
}

// mount lets a repository have a blob of another.
func (s *Store) mount(from, to, name, digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.repos[from]
	if source == nil || source.Blobs[digest] == nil {
		return false
	}
	s.link(to, name, digest, source.Blobs[digest].Size)
	return true
}

// blob opens content that a repository has.
func (s *Store) blob(repo, digest string) (content, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.repos[repo]
	if r == nil || r.Blobs[digest] == nil {
		return content{}, blobUnknown(digest)
	}
	f, err := os.Open(s.path(digest))
	if err != nil {
		return content{}, fmt.Errorf("read a blob: %w", err)
	}
	return content{ReadSeeker: f, Closer: f, size: r.Blobs[digest].Size}, nil
}

// content is a blob that is being read.
type content struct {
	io.ReadSeeker
	io.Closer
	size int64
}
