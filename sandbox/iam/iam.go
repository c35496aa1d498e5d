package iam

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signgate/signgate/sandbox/disk"
	"github.com/signgate/signgate/sandbox/journal"
)

// Options say where the store lives and what time it is.
type Options struct {
	Dir     string           // holds iam.json; "": nothing is kept
	Clock   func() time.Time // nil: the wall clock
	Journal *journal.Journal // nil: one in memory
	Latency Latency

	Consistency Consistency
}

// Latency is how long what takes time on Google Cloud takes here; zero is at once.
type Latency struct {
	CreateProject time.Duration
	EnableService time.Duration // of an API, or a batch of them
}

// IAM is the store and what is decided from it. It may be used by many goroutines at once.
type IAM struct {
	clock   func() time.Time
	journal *journal.Journal
	latency Latency
	slow    atomic.Pointer[Consistency]
	limits  atomic.Pointer[map[string]float64]
	roles   *roles
	apis    *catalogue
	seal    sealer
	path    string // of iam.json; "" for none

	mu      sync.RWMutex
	state   state
	gates   []*gate                     // of the servers that were made
	numbers map[string]string           // project number -> id
	grants  map[string]map[string]grant // resource -> member -> what its policy gives
	coming  map[string][]coming         // resource -> what its policy will give
}

// state is what iam.json holds.
type state struct {
	Version       int                        `json:"version"`
	Key           []byte                     `json:"key"`           // seals access tokens
	Refresh       map[string]string          `json:"refreshTokens"` // token -> member
	Organization  Organization               `json:"organization"`
	Projects      map[string]*Project        `json:"projects"` // by id
	Billing       map[string]*BillingAccount `json:"billingAccounts"`
	Accounts      map[string]*ServiceAccount `json:"serviceAccounts"`              // by unique id, deleted ones too
	Keys          map[string]*accountKey     `json:"serviceAccountKeys,omitempty"` // by id
	Policies      map[string]*policy         `json:"policies"`                     // by resource
	Roles         map[string]*customRole     `json:"customRoles,omitempty"`
	IdentityPools map[string]bool            `json:"identityPools"` // "P.svc.id.goog"
	Operations    map[string]*operation      `json:"operations"`    // by name
}

const stateVersion = 1

// New opens the store in Dir, or makes the world of the first start.
func New(o Options) (*IAM, error) {
	k := &IAM{clock: o.Clock, journal: o.Journal, latency: o.Latency, coming: map[string][]coming{}}
	k.SetConsistency(o.Consistency)
	if k.clock == nil {
		k.clock = time.Now
	}
	var err error
	if k.journal == nil {
		if k.journal, err = journal.Open(""); err != nil {
			return nil, err
		}
	}
	if k.roles, err = predefined(); err != nil {
		return nil, err
	}
	if k.apis, err = published(); err != nil {
		return nil, err
	}
	if o.Dir != "" {
		k.path = filepath.Join(o.Dir, "iam.json")
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	if k.seal, err = newSealer(k.state.Key); err != nil {
		return nil, err
	}
	k.index()
	return k, nil
}

// load reads the state, or seeds it. A damaged or newer file is refused and left as it is.
func (k *IAM) load() error {
	if k.path != "" {
		found, err := disk.Read(k.path, &k.state, &k.state.Version, stateVersion)
		if err != nil {
			return fmt.Errorf("read the sandbox's projects and policies: %w", err)
		}
		if found {
			return nil
		}
	}
	k.state = firstWorld(k.clock(), k.apis)
	return k.save()
}

// save writes the state; the caller holds the lock.
func (k *IAM) save() error {
	if k.path == "" {
		return nil
	}
	if err := disk.Write(k.path, k.state); err != nil {
		return fmt.Errorf("save the sandbox's projects and policies: %w", err)
	}
	return nil
}

// change edits the state and saves it. An edit that fails must leave the state as
// it was.
func (k *IAM) change(edit func(s *state) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := edit(&k.state); err != nil {
		return err
	}
	return k.save()
}

// index rebuilds what is derived from the state.
func (k *IAM) index() {
	k.numbers = map[string]string{}
	for id, p := range k.state.Projects {
		k.numbers[p.Number] = id
	}
	k.grants = map[string]map[string]grant{}
	for resource, p := range k.state.Policies {
		k.grants[resource] = k.compile(p)
	}
}

// Now is the sandbox's time.
func (k *IAM) Now() time.Time { return k.clock() }

// Journal is where calls are noted.
func (k *IAM) Journal() *journal.Journal { return k.journal }

// digits is a random decimal number of n digits that does not start with 0.
func digits(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	b[0] = '1' + (b[0]-'0')%9
	return string(b)
}

// digitsOf is a random word of n letters of an alphabet.
func digitsOf(alphabet string, n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// canonical is a resource's name with its project's id instead of its number, so
// that both spellings meet the same policy. The caller holds the lock.
func (k *IAM) canonical(resource string) string {
	rest, ok := strings.CutPrefix(resource, "projects/")
	if !ok {
		return resource
	}
	project, below, deeper := strings.Cut(rest, "/")
	if id, ok := k.numbers[project]; ok {
		project = id
	}
	if email, ok := strings.CutPrefix(below, "serviceAccounts/"); ok {
		email, tail, _ := strings.Cut(email, "/")
		if a := k.account(project, email); a != nil {
			below = "serviceAccounts/" + a.Email
			if project = a.Project; tail != "" {
				below += "/" + tail
			}
		}
	}
	if !deeper {
		return "projects/" + project
	}
	return "projects/" + project + "/" + below
}
