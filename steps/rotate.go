package steps

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"golang.org/x/sync/errgroup"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/state"
)

// Rotation is the way from one version of the key to the next, as steps of their own:
// a new version, a policy that accepts both, every image signed again, the gate
// asked, and from then on the new version signs. Killed anywhere it is gone on with
// by running it again, and `apply` in between leaves it as it is: what is wanted
// follows from the pins, which move last. Until RotationEnd both versions are accepted.
func Rotation(a state.Answers, c *gcp.Clients, opt Options, store *state.Store) []engine.Step {
	on, in := grounds(a, c, opt)
	k := key{cloud: on, out: opt.OutDir}
	return append(unspoiledSteps(in),
		newVersion{k, store},
		acceptBoth{policy{in}},
		signAgain{signing{on, opt.OutDir}, store},
		gateAfter{proof{in}, []string{"policy", "signature"}},
		switchOver{k, store},
	)
}

// RotationEnd drops the old version: the policy accepts the new one alone, the gate
// is asked, and the old version is disabled. Disabled, not destroyed: that can be
// taken back (gcloud kms keys versions enable), and what it signed can still be looked into.
func RotationEnd(a state.Answers, c *gcp.Clients, opt Options, store *state.Store) []engine.Step {
	on, in := grounds(a, c, opt)
	return append(unspoiledSteps(in),
		acceptOne{policy{in}, store},
		gateAfter{proof{in}, []string{"policy"}},
		retire{key{cloud: on, out: opt.OutDir}, store},
	)
}

// StepSign is the page of the record that `signgate sign` writes: images beside the setup's own.
const StepSign = "sign"

// signedRefs are the images that signgate has signed with the setup's key, by digest.
func signedRefs(rec state.Record) []string {
	var refs []string
	for _, e := range rec.Entries {
		ours := e.Step == "signature" || e.Step == StepSign
		if ours && e.Kind == "image.signature" && e.Phase != state.Gone && !slices.Contains(refs, e.Name) {
			refs = append(refs, e.Name)
		}
	}
	return refs
}

// newVersion makes the version that is to sign next.
type newVersion struct {
	key
	store *state.Store
}

func (s newVersion) Info() engine.Info {
	return engine.Info{ID: "key", Title: "New key version", Needs: []string{"controller", "enforcement"}, Why: "a key in Cloud KMS is renewed by a version beside the old one",
		Permissions: []string{"cloudkms.cryptoKeyVersions.create", "cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeyVersions.list"}}
}

// next is the version after the one that signs: the one that is pinned as such, or else
// the newest that can sign. That may be one that somebody has made by hand.
func (s newVersion) next(ctx context.Context, l engine.Ledger) (old, next *kmspb.CryptoKeyVersion, err error) {
	all, err := s.versions(ctx)
	if err != nil {
		return nil, nil, err
	}
	pin, other := l.Pin(PinKeyVersion), l.Pin(PinOtherVersion)
	for _, v := range all {
		n := number(v)
		usable := v.GetAlgorithm() == algorithm && (v.GetState() == enabled || v.GetState() == pending)
		switch {
		case n == pin:
			old = v
		case other != "" && n != other, !usable || !older(pin, n):
		case next == nil || order(v) > order(next):
			next = v
		}
	}
	return old, next, nil
}

// waiting says whether the new version signs already, and only the end is missing.
func waiting(l engine.Ledger) bool {
	other := l.Pin(PinOtherVersion)
	return other != "" && older(other, l.Pin(PinKeyVersion))
}

func (s newVersion) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	if l.Pin(PinKeyVersion) == "" {
		return blocked(s.summary(), "not-signed-yet", "this setup has no key yet"), nil
	}
	if waiting(l) {
		return engine.Change{Action: engine.None, Summary: fmt.Sprintf("version %s of %s signs; version %s is still accepted", l.Pin(PinKeyVersion), s.summary(), l.Pin(PinOtherVersion))}, nil
	}
	_, next, err := s.next(ctx, l)
	switch {
	case err != nil:
		return engine.Change{}, err
	case next == nil:
		return engine.Change{Action: engine.Create, Summary: "a new version of " + s.summary()}, nil
	case next.GetState() == enabled && l.Pin(PinOtherVersion) != "":
		return engine.Change{Action: engine.None, Summary: fmt.Sprintf("version %s of %s", number(next), s.summary())}, nil
	}
	return engine.Change{Action: engine.Create, Summary: fmt.Sprintf("version %s of %s, which is there already, is taken", number(next), s.summary())}, nil
}

func (s newVersion) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	old, next, err := s.next(ctx, l)
	if err == nil && next == nil {
		next, err = s.createVersion(ctx, l)
	}
	if err == nil {
		next, err = s.enable(ctx, l, next)
	}
	if err != nil {
		return err
	}
	return s.store.Update(func(r *state.Record) error {
		if old.GetState() == enabled {
			r.Pins[PinOtherVersion] = number(next)
			return nil
		}
		// A policy whose keys cannot all be read is not in force at all: a version that is
		// lost cannot be accepted any longer.
		r.Pins[PinKeyVersion] = number(next)
		delete(r.Pins, PinOtherVersion)
		return nil
	})
}

func (s newVersion) Undo(context.Context, engine.Ledger) error { return nil }

func (s newVersion) Commands() []string {
	return []string{shell("gcloud", "kms", "keys", "versions", "create", "--key="+s.a.Key, "--keyring="+s.KeyRingID(), "--location="+s.Region(), "--project="+s.ProjectID())}
}

// signAgain signs every image that signgate has signed with the newer version too. The
// old signatures stay beside the new ones.
type signAgain struct {
	signing
	store *state.Store
}

func (s signAgain) Info() engine.Info {
	return engine.Info{ID: "signature", Title: "Signatures", Needs: []string{"key"}, Why: "what only the old version has signed would be refused once it is dropped"}
}

// newest is the newer of the versions that the policy accepts.
func newest(l engine.Ledger) string {
	held := heldVersions(l)
	return held[len(held)-1]
}

// unsigned are the images that lack a signature of the newer version.
func (s signAgain) unsigned(ctx context.Context, l engine.Ledger) ([]string, image.Key, error) {
	k, err := image.KMSKey(ctx, s.c.KMSConn(), s.KMSRef(newest(l)))
	if err != nil {
		return nil, nil, err
	}
	refs := signedRefs(s.store.Record())
	lacks := make([]bool, len(refs))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, ref := range refs {
		group.Go(func() error {
			there, err := s.registries().Find(groupCtx, ref)
			if err != nil || there == "" { // somebody has deleted it: nothing is left to sign
				return err
			}
			good, _, err := s.registries().Signed(groupCtx, ref, k)
			lacks[i] = !good
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var all []string
	for i, ref := range refs {
		if lacks[i] {
			all = append(all, ref)
		}
	}
	return all, k, nil
}

func (s signAgain) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	n := len(signedRefs(s.store.Record()))
	if l.Pin(PinOtherVersion) == "" {
		return engine.Change{Action: engine.Create, Summary: fmt.Sprintf("%d signed by the new version as well", n)}, nil
	}
	todo, _, err := s.unsigned(ctx, l)
	switch {
	case err != nil:
		return engine.Change{}, err
	case len(todo) == 0:
		return engine.Change{Action: engine.None, Summary: fmt.Sprintf("%d signed by version %s", n, newest(l))}, nil
	}
	return engine.Change{Action: engine.Create, Summary: fmt.Sprintf("%d of %d signed by version %s", len(todo), n, newest(l))}, nil
}

func (s signAgain) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	todo, k, err := s.unsigned(ctx, l)
	if err != nil {
		return err
	}
	for i, ref := range todo {
		l.Report(engine.Event{Type: engine.TypeProgress, Text: "signing " + ref, Progress: &engine.Progress{Stage: "signing", Done: int64(i), Total: int64(len(todo))}})
		if _, err := s.registries().Sign(ctx, ref, k, s.a.PublicLog); err != nil {
			return err
		}
	}
	return nil
}

func (s signAgain) Undo(context.Context, engine.Ledger) error { return nil }

// switchOver has the new version sign from now on, and the old one accepted besides.
type switchOver struct {
	key
	store *state.Store
}

func (s switchOver) Info() engine.Info {
	return engine.Info{ID: "switch", Title: "Switch", Needs: []string{"proof"}, Why: "from here on signgate sign uses the new version"}
}

func (s switchOver) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	version := newest(l)
	if !waiting(l) {
		return engine.Change{Action: engine.Update, Summary: "the new version signs from now on", Before: []string{"version " + l.Pin(PinKeyVersion)}, After: []string{"the new one"}}, nil
	}
	summary := fmt.Sprintf("version %s signs", version)
	v, err := s.c.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: s.KeyVersion(version)})
	if err != nil {
		return engine.Change{}, err
	}
	file, err := s.inspectFile(ctx, s.page(l), v)
	switch {
	case err != nil || file.Action == engine.Blocked:
		return file, err
	case file.Action != "":
		return engine.Change{Action: engine.Update, Summary: summary + ": its public key to " + publicKeyFile}, nil
	}
	return engine.Change{Action: engine.None, Summary: summary}, nil
}

// page is the key's page of the record, where cosign.pub is.
func (s switchOver) page(l engine.Ledger) engine.Ledger {
	return engine.NewLedger(s.store, "key", l.Report)
}

func (s switchOver) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	if l.Pin(PinOtherVersion) != "" && !waiting(l) {
		err := s.store.Update(func(r *state.Record) error {
			r.Pins[PinKeyVersion], r.Pins[PinOtherVersion] = r.Pins[PinOtherVersion], r.Pins[PinKeyVersion]
			return nil
		})
		if err != nil {
			return err
		}
	}
	v, err := s.c.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: s.KeyVersion(l.Pin(PinKeyVersion))})
	if err != nil {
		return err
	}
	return s.export(ctx, s.page(l), v)
}

func (s switchOver) Undo(context.Context, engine.Ledger) error { return nil }
