package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// Record is everything that is kept of one setup.
type Record struct {
	Name     string            `json:"name"`              // the person's name for it; its folder's name
	Setup    string            `json:"setup"`             // random id, in the labels of what it made
	Lineage  string            `json:"lineage"`           // tells this record from another of the same name
	Serial   int               `json:"serial"`            // grows with every save
	World    World             `json:"world"`             // which cloud it is for
	Answers  Answers           `json:"answers"`           // what the person decided
	Pins     map[string]string `json:"pins,omitempty"`    // resolved once: the image's digest, the key version
	Entries  []Entry           `json:"entries,omitempty"` // the journal
	Created  time.Time         `json:"created"`           // when the setup was begun
	Finished time.Time         `json:"finished,omitzero"` // when a run last ended with everything as wanted
}

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("no such setup")
	ErrExists   = errors.New("a setup of that name exists")
)

// WorldError says that a record is for another cloud than the one at hand.
type WorldError struct {
	Name       string
	Want, Have World
}

func (e *WorldError) Error() string {
	return fmt.Sprintf("setup %q is for %s, this is %s", e.Name, e.Want, e.Have)
}

// Store is one setup's record, locked for this process and saved on every change.
type Store struct {
	folder string
	lock   *flock.Flock

	mu      sync.Mutex
	rec     Record
	scratch bool // what is in the folder is not this one's
}

// CheckName says what is wrong with the name of a setup.
func CheckName(name string) error {
	if !setupName.MatchString(name) {
		return fmt.Errorf("setup name %q: use up to 64 lower-case letters, digits, dots, dashes and underscores; the first and the last a letter or a digit", name)
	}
	return nil
}

var setupName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$`)

// Folder is where the setup's record and files are, below the state folder.
func Folder(dir, name string) string { return filepath.Join(dir, "setups", name) }

const recordFile = "record.json"

// Create starts a setup and its record. ErrExists if there is one of that name.
func Create(dir, name string, world World, answers Answers) (*Store, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	s, err := lock(dir, name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.path()); err == nil {
		s.Close()
		return nil, fmt.Errorf("setup %q: %w", name, ErrExists)
	}
	s.rec = Record{Name: name, Setup: token(4), Lineage: token(8), World: world, Answers: answers, Created: time.Now().UTC().Truncate(time.Second)}
	if err := s.save(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Open locks a setup and reads its record. ErrNotFound, *LockedError, *CorruptError and *NewerError tell why not.
func Open(dir, name string) (*Store, error) {
	if !exists(dir, name) {
		return nil, missing(name) // before the lock: a name that is not there leaves no folder behind
	}
	s, err := lock(dir, name)
	if err != nil {
		return nil, err
	}
	switch s.rec, err = Read(dir, name); {
	case errors.Is(err, ErrNotFound): // whoever had it has removed it
		return nil, errors.Join(err, s.Remove())
	case err != nil:
		s.Close()
		return nil, err
	}
	return s, nil
}

// Read returns a setup's record without locking it: for looking only.
func Read(dir, name string) (Record, error) {
	if !setupName.MatchString(name) {
		return Record{}, missing(name)
	}
	path := filepath.Join(Folder(dir, name), recordFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, missing(name)
	}
	if err != nil {
		return Record{}, fmt.Errorf("read the record of setup %q: %w", name, err)
	}
	return decode(path, data)
}

// exists says whether a setup is on record.
func exists(dir, name string) bool {
	if !setupName.MatchString(name) {
		return false
	}
	_, err := os.Stat(filepath.Join(Folder(dir, name), recordFile))
	return !errors.Is(err, fs.ErrNotExist)
}

func missing(name string) error { return fmt.Errorf("setup %q: %w", name, ErrNotFound) }

// Listed is a setup in the state folder; Err says why its record cannot be read.
type Listed struct {
	Name   string
	Record Record
	Err    error
}

// List returns the setups in the state folder by name. No folder is no setups.
func List(dir string) ([]Listed, error) {
	names, err := Names(dir)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, name := range names {
		rec, err := Read(dir, name)
		if errors.Is(err, ErrNotFound) { // removed meanwhile
			continue
		}
		all = append(all, Listed{Name: name, Record: rec, Err: err})
	}
	return all, nil
}

// Names are the setups in the state folder, whose records it does not read.
func Names(dir string) ([]string, error) {
	found, err := os.ReadDir(filepath.Join(dir, "setups"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list setups: %w", err)
	}
	var all []string
	for _, f := range found {
		if exists(dir, f.Name()) {
			all = append(all, f.Name())
		}
	}
	return all, nil
}

// EventsFile is the name of the file, in a setup's folder, in which the last run's
// events are kept for those who watch from another terminal.
const EventsFile = "events.jsonl"

// halfWritten is what a file is called while it is being written (renameio).
var halfWritten = regexp.MustCompile(`^\.(?:record\.json|cosign\.pub|events\.jsonl)[0-9]+$`)

// sweep removes what a process that was killed had not finished writing. The lock is ours.
func sweep(folder string) {
	files, _ := os.ReadDir(folder)
	for _, f := range files {
		if halfWritten.MatchString(f.Name()) {
			os.Remove(filepath.Join(folder, f.Name())) // else it stays: it does no harm
		}
	}
}

func (s *Store) path() string { return filepath.Join(s.folder, recordFile) }

// Folder is the setup's own folder: its record, cosign.pub, the last run's events.
func (s *Store) Folder() string { return s.folder }

// Record returns a copy of the record as it stands.
func (s *Store) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec.clone()
}

// Update changes the record and returns once the change is on disk. If change
// fails or the disk does, the record stays as it was.
func (s *Store) Update(change func(*Record) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.rec
	s.rec = before.clone()
	err := change(&s.rec)
	if err == nil {
		err = s.save()
	}
	if err != nil {
		s.rec = before
	}
	return err
}

// save writes the record to a new file, syncs it, and renames it into place.
func (s *Store) save() error {
	if s.scratch {
		return nil
	}
	s.rec.Serial++
	data, err := encode(s.rec)
	if err != nil {
		return fmt.Errorf("save setup %q: %w", s.rec.Name, err)
	}
	if err := renameio.WriteFile(s.path(), data, 0o600, renameio.WithTempDir(s.folder)); err != nil {
		return fmt.Errorf("save setup %q: %w", s.rec.Name, err)
	}
	return s.settle()
}

// settle has the folder know the record's new file, also after a power cut.
func (s *Store) settle() error {
	folder, err := os.Open(s.folder)
	if err != nil {
		return fmt.Errorf("save setup %q: %w", s.rec.Name, err)
	}
	defer folder.Close()
	_ = folder.Sync() // there are file systems that cannot
	return nil
}

// Bind ties the record to a world at its first use and refuses any other afterwards.
func (s *Store) Bind(world World) error {
	have := s.Record().World
	switch {
	case have.Kind != world.Kind, have.ProjectNumber != "" && have.ProjectNumber != world.ProjectNumber:
		return &WorldError{Name: s.rec.Name, Want: have, Have: world}
	case have.ProjectNumber == "":
		return s.Update(func(r *Record) error { r.World = world; return nil })
	}
	return nil
}

// Scratch is a store with another record, in this one's place: to see what would be. It keeps the
// lock, and is never saved.
func (s *Store) Scratch(rec Record) *Store {
	return &Store{folder: s.folder, lock: s.lock, rec: rec, scratch: true}
}

// Close frees the lock.
func (s *Store) Close() error { return s.lock.Unlock() }

// Remove deletes the record, and with it the setup's folder: its last act. Any other file keeps the
// folder alive: cosign.pub goes with the key, if it goes.
func (s *Store) Remove() error {
	if s.scratch {
		return s.Close()
	}
	for _, name := range []string{EventsFile, recordFile, "lock"} { // the record goes after what it knows of
		if err := os.Remove(filepath.Join(s.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove setup %q: %w", s.rec.Name, err)
		}
	}
	os.Remove(s.folder) // fails where something else lies in it: that is theirs
	return s.Close()
}

func token(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
