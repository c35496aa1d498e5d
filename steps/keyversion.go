package steps

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

const (
	pending   = kmspb.CryptoKeyVersion_PENDING_GENERATION
	enabled   = kmspb.CryptoKeyVersion_ENABLED
	disabled  = kmspb.CryptoKeyVersion_DISABLED
	scheduled = kmspb.CryptoKeyVersion_DESTROY_SCHEDULED
)

func versionResource(name string) state.Resource {
	return state.Resource{Kind: "cloudkms.cryptoKeyVersion", Name: name}
}

// number is the last part of a version's name: "1".
func number(v *kmspb.CryptoKeyVersion) string {
	return v.GetName()[strings.LastIndex(v.GetName(), "/")+1:]
}

// version is the one that the setup signs with: the pinned one, or else the newest
// that is enabled or about to be. None is fine in a key that some signgate made,
// where a version is added; somebody else's key is not added to.
func (s key) version(ctx context.Context, l engine.Ledger, k *kmspb.CryptoKey) (*kmspb.CryptoKeyVersion, *problem.Problem, error) {
	if pin := l.Pin(PinKeyVersion); pin != "" {
		v, err := s.c.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: s.KeyVersion(pin)})
		switch {
		case gcp.NotFound(err):
			return nil, raise("key-version-lost", "version %s of key %q, which this setup signs with, is gone", pin, s.a.Key), nil
		case err != nil:
			return nil, nil, fmt.Errorf("look up version %s of key %q: %w", pin, s.a.Key, err)
		}
		return v, nil, nil
	}
	all, err := s.versions(ctx)
	if err != nil {
		return nil, nil, err
	}
	var newest *kmspb.CryptoKeyVersion
	for _, v := range all {
		usable := v.GetAlgorithm() == algorithm && (v.GetState() == enabled || v.GetState() == pending)
		if usable && (newest == nil || order(v) > order(newest)) {
			newest = v
		}
	}
	if newest == nil && k.GetLabels()[labelManager] != manager {
		return nil, raise("key-without-version", "key %q, which was there before, has no version that is enabled", s.a.Key), nil
	}
	return newest, nil, nil
}

func order(v *kmspb.CryptoKeyVersion) int {
	n, _ := strconv.Atoi(number(v)) // KMS numbers versions 1, 2, 3
	return n
}

func (s key) versions(ctx context.Context) ([]*kmspb.CryptoKeyVersion, error) {
	var all []*kmspb.CryptoKeyVersion
	for v, err := range s.c.KMS.ListCryptoKeyVersions(ctx, &kmspb.ListCryptoKeyVersionsRequest{Parent: s.Key()}).All() {
		if err != nil {
			return nil, fmt.Errorf("list versions of key %q: %w", s.a.Key, err)
		}
		all = append(all, v)
	}
	return all, nil
}

// inspectVersion gives the zero Change for a version that can sign.
func (s key) inspectVersion(l engine.Ledger, v *kmspb.CryptoKeyVersion) engine.Change {
	summary := fmt.Sprintf("version %s of %s", number(v), s.summary())
	switch v.GetState() {
	case enabled:
		return engine.Change{}
	case pending:
		return engine.Change{Action: engine.Create, Summary: summary + " (being generated)"}
	case disabled, scheduled:
		if l.Entry(versionResource(v.GetName())).Phase == state.Gone {
			return engine.Change{Action: engine.Create, Summary: summary + " (restored)"} // we had taken it back
		}
		return engine.Change{Action: engine.Update, Drift: true, Summary: summary, Before: []string{v.GetState().String()}, After: []string{enabled.String()}}
	}
	return blocked(summary, "key-version-lost", "version %s of key %q, which this setup signs with, is %s", number(v), s.a.Key, v.GetState())
}

// createVersion adds a version to a key that has none left. Its number is known
// beforehand, so that a crash after the call leaves an intent with its name.
func (s key) createVersion(ctx context.Context, l engine.Ledger) (*kmspb.CryptoKeyVersion, error) {
	all, err := s.versions(ctx)
	if err != nil {
		return nil, err
	}
	last := 0
	for _, v := range all {
		last = max(last, order(v))
	}
	if err := l.Intend(versionResource(s.KeyVersion(strconv.Itoa(last + 1)))); err != nil {
		return nil, err
	}
	v, err := s.c.KMS.CreateCryptoKeyVersion(ctx, &kmspb.CreateCryptoKeyVersionRequest{Parent: s.Key()})
	if err != nil {
		return nil, fmt.Errorf("create a version of key %q: %w", s.a.Key, err)
	}
	return v, l.Made(versionResource(v.GetName()), nil)
}

// enable brings a version to the state in which it signs and waits for it, and
// notes whose it is: that of a key which we made, or which we restored, is ours.
func (s key) enable(ctx context.Context, l engine.Ledger, v *kmspb.CryptoKeyVersion) (*kmspb.CryptoKeyVersion, error) {
	r := versionResource(v.GetName())
	mine := l.Entry(s.resource()).Ours() || l.Entry(r).Phase == state.Gone
	fail := func(err error) error {
		return fmt.Errorf("enable version %s of key %q: %w", number(v), s.a.Key, err)
	}
	if v.GetState() == disabled || v.GetState() == scheduled {
		if err := l.Intend(r); err != nil {
			return nil, err
		}
	}
	if v.GetState() == scheduled {
		if _, err := s.c.KMS.RestoreCryptoKeyVersion(ctx, &kmspb.RestoreCryptoKeyVersionRequest{Name: v.GetName()}); err != nil {
			return nil, fail(err)
		}
	}
	if v.GetState() == disabled || v.GetState() == scheduled {
		if err := s.setState(ctx, v.GetName(), enabled); err != nil {
			return nil, fail(err)
		}
	}
	v, err := s.generated(ctx, l, v)
	if err == nil && v.GetState() != enabled {
		err = fmt.Errorf("it became %s: %s", v.GetState(), v.GetGenerationFailureReason())
	}
	if err != nil {
		return nil, fail(err)
	}
	return v, adopt(l, r, mine, nil)
}

// generation is how long KMS may take to make the key material; that takes seconds.
const generation = 5 * time.Minute

// generated waits until it is made.
func (s key) generated(ctx context.Context, l engine.Ledger, v *kmspb.CryptoKeyVersion) (*kmspb.CryptoKeyVersion, error) {
	err := gcp.Await(ctx, gcp.Wait{What: "version " + number(v), For: generation, Slow: slow(l)}, func(ctx context.Context) (bool, error) {
		got, err := s.c.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: v.GetName()})
		if err != nil {
			return false, err
		}
		v = got
		return v.GetState() != pending, nil
	})
	return v, err
}

func (s key) setState(ctx context.Context, name string, to kmspb.CryptoKeyVersion_CryptoKeyVersionState) error {
	_, err := s.c.KMS.UpdateCryptoKeyVersion(ctx, &kmspb.UpdateCryptoKeyVersionRequest{
		CryptoKeyVersion: &kmspb.CryptoKeyVersion{Name: name, State: to}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"state"}},
	})
	return err
}

// madeVersions lists what Undo is to destroy: all versions of a key that we made,
// in somebody else's key those on record as made.
func (s key) madeVersions(ctx context.Context, l engine.Ledger) ([]*kmspb.CryptoKeyVersion, error) {
	all, err := s.versions(ctx)
	if gcp.NotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	own := l.Entry(s.resource()).Ours()
	if own {
		k, err := s.c.KMS.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: s.Key()})
		if err != nil {
			return nil, fmt.Errorf("look up key %q: %w", s.a.Key, err)
		}
		own = ours(l, k.GetLabels()) // an intent alone does not make a key ours that somebody else made first
	}
	var mine []*kmspb.CryptoKeyVersion
	for _, v := range all {
		if own || l.Entry(versionResource(v.GetName())).Ours() {
			mine = append(mine, v)
		}
	}
	return mine, nil
}

// destroy disables a version and schedules its destruction. Disabled comes first
// because an organisation may demand it (constraints/cloudkms.disableBeforeDestroy).
func (s key) destroy(ctx context.Context, l engine.Ledger, v *kmspb.CryptoKeyVersion) error {
	v, err := s.generated(ctx, l, v)
	if err == nil && v.GetState() == enabled {
		err = s.setState(ctx, v.GetName(), disabled)
	}
	if err == nil && (v.GetState() == enabled || v.GetState() == disabled) {
		v, err = s.c.KMS.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: v.GetName()})
		if err == nil {
			notice(l, "version %s of key %q will be destroyed on %s; until then it can be restored", number(v), s.a.Key, v.GetDestroyTime().AsTime().Format("2 January 2006"))
		}
	}
	if err != nil {
		return fmt.Errorf("destroy version of key %q: %w", s.a.Key, err)
	}
	if l.Entry(versionResource(v.GetName())).Ours() {
		return l.Gone(versionResource(v.GetName()))
	}
	return nil
}
