package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

// LockedError says that another process works on the setup.
type LockedError struct {
	Name  string
	PID   int       // 0 if unknown
	Since time.Time // zero if unknown
}

func (e *LockedError) Error() string {
	who := ""
	if e.PID != 0 {
		who = fmt.Sprintf(" (process %d)", e.PID)
	}
	text := fmt.Sprintf("another signgate%s works on setup %q", who, e.Name)
	if !e.Since.IsZero() {
		text += " since " + e.Since.Local().Format("15:04:05 on 2 January 2006")
	}
	return text
}

// WorldError says that a record is for another cloud than the one at hand.
type WorldError struct {
	Name       string
	Want, Have World
}

func (e *WorldError) Error() string {
	return fmt.Sprintf("setup %q is for %s, this is %s", e.Name, e.Want, e.Have)
}

// String names a world as a person would.
func (w World) String() string {
	kind := map[string]string{"sandbox": "the sandbox", "google": "Google Cloud"}[w.Kind]
	if kind == "" {
		kind = fmt.Sprintf("world %q", w.Kind)
	}
	if w.ProjectNumber == "" {
		return kind
	}
	return kind + " (project number " + w.ProjectNumber + ")"
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
	if s.rec, err = Read(dir, name); err != nil {
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

func lock(dir, name string) (*Store, error) {
	folder := Folder(dir, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	path := filepath.Join(folder, "lock")
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := takeLock(l, func() bool { _, held := Held(dir, name); return held })
	if err != nil {
		return nil, fmt.Errorf("lock setup %q: %w", name, err)
	}
	if !ok {
		pid, since := holder(path)
		return nil, &LockedError{Name: name, PID: pid, Since: since}
	}
	mine := fmt.Sprintf("%d %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(path, []byte(mine), 0o600); err != nil {
		l.Unlock()
		return nil, fmt.Errorf("lock setup %q: %w", name, err)
	}
	sweep(folder)
	return &Store{folder: folder, lock: l}, nil
}

// takeLock takes a lock, which the kernel frees for a process that died. Whoever asks if it is
// held (Held) has it for a moment, on a busy machine for a second or two, and is waited out.
func takeLock(l *flock.Flock, held func() bool) (ok bool, err error) {
	for range 10 {
		moment, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		ok, err = l.TryLockContext(moment, 20*time.Millisecond)
		over := moment.Err() != nil
		cancel()
		if err != nil && !over {
			return false, err
		}
		if ok || held() {
			return ok, nil
		}
	}
	return false, nil
}

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

// holder reads who has a lock and since when; what cannot be read is unknown.
func holder(path string) (pid int, since time.Time) {
	text, _ := os.ReadFile(path) // being written just now
	words := strings.Fields(string(text))
	if len(words) > 0 {
		pid, _ = strconv.Atoi(words[0])
	}
	if len(words) > 1 {
		since, _ = time.Parse(time.RFC3339, words[1])
	}
	return pid, since
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

func (r Record) clone() Record {
	c := r
	c.Entries = slices.Clone(r.Entries)
	for i := range c.Entries {
		c.Entries[i].Facts = maps.Clone(c.Entries[i].Facts)
	}
	c.Pins = maps.Clone(r.Pins)
	return c
}

func token(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
