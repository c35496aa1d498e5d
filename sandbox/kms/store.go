package kms

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/disk"
)

// Short names for what is written often.
type (
	versionState = kmspb.CryptoKeyVersion_CryptoKeyVersionState
	algorithm    = kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm
)

const (
	pending   = kmspb.CryptoKeyVersion_PENDING_GENERATION
	enabled   = kmspb.CryptoKeyVersion_ENABLED
	disabled  = kmspb.CryptoKeyVersion_DISABLED
	scheduled = kmspb.CryptoKeyVersion_DESTROY_SCHEDULED
	destroyed = kmspb.CryptoKeyVersion_DESTROYED
	failed    = kmspb.CryptoKeyVersion_GENERATION_FAILED
)

// state is what kms.json holds.
type state struct {
	Version    int                   `json:"version"`
	Rings      map[string]*ring      `json:"keyRings"`                  // by name
	Gone       []string              `json:"deletedKeyRings,omitempty"` // names
	Retired    []*retired            `json:"retiredResources"`
	Operations map[string]*operation `json:"operations"` // by name
}

const stateVersion = 1

type ring struct {
	Created time.Time       `json:"created"`
	Keys    map[string]*key `json:"cryptoKeys"` // by id
	Retired []string        `json:"retired"`    // ids that no key of this ring can have again

	Jobs map[string]*importJob `json:"importJobs,omitempty"` // by id
}

type key struct {
	Created        time.Time                        `json:"created"`
	Purpose        kmspb.CryptoKey_CryptoKeyPurpose `json:"purpose"`
	Algorithm      algorithm                        `json:"algorithm"` // of new versions
	Level          kmspb.ProtectionLevel            `json:"protectionLevel"`
	Labels         map[string]string                `json:"labels,omitempty"`
	DestroyAfter   time.Duration                    `json:"destroyAfter"`
	RotationPeriod *time.Duration                   `json:"rotationPeriod,omitempty"`
	NextRotation   time.Time                        `json:"nextRotation,omitzero"`
	ImportOnly     bool                             `json:"importOnly,omitempty"`
	Primary        int                              `json:"primary,omitempty"` // number; 0 for none
	Numbered       int                              `json:"numbered"`          // the last number given out
	Versions       []*version                       `json:"versions"`          // by number
}

type version struct {
	Number    int                   `json:"number"`
	State     versionState          `json:"state"`
	Algorithm algorithm             `json:"algorithm"`
	Level     kmspb.ProtectionLevel `json:"protectionLevel"`
	Created   time.Time             `json:"created"`
	Ready     time.Time             `json:"ready"` // when it is generated, at the soonest
	Generated time.Time             `json:"generated,omitzero"`
	Destroy   time.Time             `json:"destroy,omitzero"`   // when it will be, while DESTROY_SCHEDULED
	Destroyed time.Time             `json:"destroyed,omitzero"` // when it was
	Failure   string                `json:"failure,omitempty"`
	ID        []byte                `json:"id"`                 // names the version in what it encrypts
	Material  []byte                `json:"material,omitempty"` // secret: PKCS #8, or the key's bytes; none before it is generated and after it is destroyed
	Disable   bool                  `json:"disable,omitempty"`  // asked for while it was being generated
	Job       string                `json:"importJob,omitempty"`
	Imported  time.Time             `json:"imported,omitzero"`

	use any // Material, read: crypto.Signer, *rsa.PrivateKey, cipher.AEAD or []byte
}

// load reads the keys. A damaged or newer file is refused and left as it is.
func (s *Service) load(dir string) error {
	s.state = state{Version: stateVersion, Rings: map[string]*ring{}, Operations: map[string]*operation{}}
	defer s.settled()
	if dir == "" {
		return nil
	}
	s.path = filepath.Join(dir, "kms.json")
	var read state
	found, err := disk.Read(s.path, &read, &read.Version, stateVersion)
	if err != nil {
		return fmt.Errorf("read the sandbox's keys: %w", err)
	}
	if !found {
		return nil
	}
	if s.state = read; s.state.Operations == nil {
		s.state.Operations = map[string]*operation{}
	}
	for _, r := range s.state.Rings {
		for _, j := range r.Jobs {
			if j.Generated.IsZero() {
				s.prepare(j)
			}
		}
		for _, k := range r.Keys {
			for _, v := range k.Versions {
				if err := s.reopen(v); err != nil {
					return fmt.Errorf("read the sandbox's keys: %w", disk.Damaged(s.path, err))
				}
			}
		}
	}
	return nil
}

// reopen makes a version that was read from the file usable, and goes on with one that was
// being generated.
func (s *Service) reopen(v *version) (err error) {
	if len(v.Material) > 0 {
		v.use, err = v.open()
	} else if v.State == pending {
		s.generate(v)
	}
	return err
}

// save writes the keys; the caller holds the lock.
func (s *Service) save() error {
	if s.path == "" {
		return nil
	}
	if err := disk.Write(s.path, s.state); err != nil {
		return status.Errorf(codes.Internal, "save the sandbox's keys: %v", err)
	}
	return nil
}

// change edits the state and saves it. An edit that fails must leave the state as it was.
func (s *Service) change(edit func(now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.iam.Now()
	s.settle(now)
	defer s.settled()
	if err := edit(now); err != nil {
		return err
	}
	return s.save()
}

// read looks at the state as it is now.
func (s *Service) read(look func() error) error {
	if now := s.iam.Now(); now.UnixNano() >= s.due.Load() {
		if err := s.change(func(time.Time) error { return nil }); err != nil {
			return err
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return look()
}

// look is what find sees in the state as it is now.
func look[T any](s *Service, find func() (T, error)) (out T, err error) {
	err = s.read(func() error {
		out, err = find()
		return err
	})
	return out, err
}

// lookUp is look for what a text names, which has so many collections.
func lookUp[T any](s *Service, text string, depth int, find func(name) (T, error)) (out T, err error) {
	n, err := s.parse(text, depth)
	if err != nil {
		return out, err
	}
	return look(s, func() (T, error) { return find(n) })
}

// settle does what time has brought: keys are generated, destroyed, rotated. The
// caller holds the lock.
func (s *Service) settle(now time.Time) {
	if now.UnixNano() < s.due.Load() {
		return
	}
	for _, r := range s.state.Rings {
		for _, j := range r.Jobs {
			if !now.Before(j.expires()) {
				clear(j.Material)
				j.Material = nil
			}
		}
		for _, k := range r.Keys {
			for _, v := range k.Versions {
				v.settle(now)
			}
			s.rotate(k, now)
		}
	}
}

func (v *version) settle(now time.Time) {
	if v.State == pending && v.Material != nil && !now.Before(v.Ready) {
		v.State, v.Generated = enabled, later(v.Ready, v.Created)
		if v.Disable {
			v.State, v.Disable = disabled, false
		}
	}
	if v.State == scheduled && !now.Before(v.Destroy) {
		v.State, v.Destroyed, v.Destroy = destroyed, v.Destroy, time.Time{}
		clear(v.Material)
		v.Material, v.use = nil, nil
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// rotate makes new primary versions of a key whose time has come: one, however
// many periods have gone by.
func (s *Service) rotate(k *key, now time.Time) {
	if k.NextRotation.IsZero() || now.Before(k.NextRotation) {
		return
	}
	v := s.add(k, k.NextRotation)
	k.Primary = v.Number
	if k.RotationPeriod == nil || *k.RotationPeriod <= 0 {
		k.NextRotation = time.Time{}
		return
	}
	for !now.Before(k.NextRotation) {
		k.NextRotation = k.NextRotation.Add(*k.RotationPeriod)
	}
}

// settled notes when settle has to be called again. The caller holds the lock.
func (s *Service) settled() {
	due := int64(1<<63 - 1)
	at := func(t time.Time) {
		if !t.IsZero() {
			due = min(due, t.UnixNano())
		}
	}
	for _, r := range s.state.Rings {
		for _, j := range r.Jobs {
			if j.Material != nil {
				at(j.expires())
			}
		}
		for _, k := range r.Keys {
			at(k.NextRotation)
			for _, v := range k.Versions {
				if v.State == pending && v.Material != nil {
					at(v.Ready)
				} else if v.State == scheduled {
					at(v.Destroy)
				}
			}
		}
	}
	s.due.Store(due)
}

// version finds one by its number.
func (k *key) version(number int) *version {
	i, ok := slices.BinarySearchFunc(k.Versions, number, func(v *version, n int) int { return v.Number - n })
	if !ok {
		return nil
	}
	return k.Versions[i]
}
