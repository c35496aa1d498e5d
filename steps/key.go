package steps

import (
	"context"
	"fmt"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// key is the signing key: it is made, one version of it is chosen for the whole
// setup and waited for, and that version's public key is written to a file.
type key struct {
	cloud
	out  string // folder of cosign.pub
	keep string // why Undo leaves the versions; "" if it does not
}

const algorithm = kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256

func (s key) Info() engine.Info {
	return engine.Info{
		ID: "key", Title: "Signing key", Needs: []string{"keyring"},
		Why: "the private half never leaves Google's key service; whoever may use it signs, everybody may check",
		Permissions: []string{
			"cloudkms.cryptoKeys.create", "cloudkms.cryptoKeys.get", "cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeyVersions.list",
			"cloudkms.cryptoKeyVersions.create", "cloudkms.cryptoKeyVersions.update", "cloudkms.cryptoKeyVersions.restore", "cloudkms.cryptoKeyVersions.destroy",
			"cloudkms.cryptoKeyVersions.viewPublicKey"},
	}
}

func (s key) resource() state.Resource {
	return state.Resource{Kind: "cloudkms.cryptoKey", Name: s.Key()}
}

func (s key) summary() string { return fmt.Sprintf("key %q in key ring %q", s.a.Key, s.KeyRingID()) }

func (s key) get(ctx context.Context, l engine.Ledger) (*kmspb.CryptoKey, error) {
	k, err := lookUp(ctx, s.cloud, l, func(ctx context.Context) (*kmspb.CryptoKey, error) {
		return s.c.KMS.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: s.Key()})
	})
	if err != nil {
		return nil, fmt.Errorf("look up key %q: %w", s.a.Key, err)
	}
	return k, nil
}

// differs says why a key cannot be used; neither purpose nor algorithm can be changed.
func (s key) differs(k *kmspb.CryptoKey) *problem.Problem {
	if k.GetPurpose() == kmspb.CryptoKey_ASYMMETRIC_SIGN && k.GetVersionTemplate().GetAlgorithm() == algorithm {
		return nil
	}
	return raise("key-differs", "key %q is for %s with %s, not for %s with %s", s.a.Key,
		k.GetPurpose(), k.GetVersionTemplate().GetAlgorithm(), kmspb.CryptoKey_ASYMMETRIC_SIGN, algorithm)
}

func (s key) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.summary()
	k, err := s.get(ctx, l)
	if err != nil {
		return engine.Change{}, err
	}
	if k == nil {
		return engine.Change{Action: engine.Create, Summary: summary}, nil
	}
	if p := s.differs(k); p != nil {
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, nil
	}
	v, p, err := s.version(ctx, l, k)
	switch {
	case err != nil:
		return engine.Change{}, err
	case p != nil:
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, nil
	case v == nil:
		return engine.Change{Action: engine.Create, Summary: "a new version of " + summary}, nil
	}
	// Another setup signs with what is enabled in its key; but a version that is on this record as
	// begun or made was added by this one, to the key that an earlier one has left, and lacks its pin only.
	if l.Pin(PinKeyVersion) == "" && !l.Entry(versionResource(v.GetName())).Ours() {
		if change, clashes := clash(l, s.resource(), summary, another(l, k.GetLabels())); clashes {
			return change, nil
		}
	}
	if change, err := s.inspectVersions(ctx, l, v); err != nil || change.Action != "" {
		return change, err
	}
	file, err := s.inspectFile(ctx, l, v)
	if err != nil {
		return engine.Change{}, err
	}
	change := settled(l, s.resource(), ours(l, k.GetLabels()), summary)
	switch {
	case file.Action == engine.Blocked:
		return file, nil
	case change.Action != engine.Create && (file.Action != "" || l.Pin(PinKeyVersion) == ""):
		return engine.Change{Action: engine.Update, Summary: summary + ": its public key to " + publicKeyFile}, nil
	}
	return change, nil
}

// inspectVersions looks at the version that signs, and at the other one that a rotation has left
// accepted. There is no action where both can be used as they are.
func (s key) inspectVersions(ctx context.Context, l engine.Ledger, signs *kmspb.CryptoKeyVersion) (engine.Change, error) {
	if change := s.inspectVersion(l, signs); change.Action != "" {
		return change, nil
	}
	other, err := s.other(ctx, l)
	if err != nil || other == nil {
		return engine.Change{}, err
	}
	return s.inspectVersion(l, other), nil
}

func (s key) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	k, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	if k == nil {
		if k, err = s.create(ctx, l); err != nil {
			return err
		}
	}
	if p := s.differs(k); p != nil {
		return p
	}
	if err := adopt(l, s.resource(), ours(l, k.GetLabels()), nil); err != nil {
		return err
	}
	v, p, err := s.version(ctx, l, k)
	if err == nil && p != nil {
		err = p
	}
	if err == nil && v == nil {
		v, err = s.createVersion(ctx, l)
	}
	if err == nil {
		v, err = s.enable(ctx, l, v)
	}
	if err != nil {
		return err
	}
	other, err := s.other(ctx, l)
	if err == nil && other != nil {
		_, err = s.enable(ctx, l, other)
	}
	if err != nil {
		return err
	}
	if err := l.SetPin(PinKeyVersion, number(v)); err != nil {
		return err
	}
	return s.export(ctx, l, v)
}

// other is the version that is accepted besides while the key is being rotated; nil if it is not.
func (s key) other(ctx context.Context, l engine.Ledger) (*kmspb.CryptoKeyVersion, error) {
	pin := l.Pin(PinOtherVersion)
	if pin == "" {
		return nil, nil
	}
	v, err := s.c.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: s.KeyVersion(pin)})
	if err != nil {
		return nil, fmt.Errorf("look up version %s of key %q: %w", pin, s.a.Key, err)
	}
	return v, nil
}

// create makes the key, and with it its first version. An AlreadyExists is
// compared by the caller: it may be our own, whose answer was lost.
func (s key) create(ctx context.Context, l engine.Ledger) (*kmspb.CryptoKey, error) {
	if err := l.Intend(s.resource()); err != nil {
		return nil, err
	}
	var k *kmspb.CryptoKey
	err := s.ask(ctx, l, func(ctx context.Context) (err error) {
		k, err = s.c.KMS.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{
			Parent: s.KeyRing(), CryptoKeyId: s.a.Key,
			CryptoKey: &kmspb.CryptoKey{
				Purpose:         kmspb.CryptoKey_ASYMMETRIC_SIGN,
				VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: algorithm, ProtectionLevel: kmspb.ProtectionLevel_SOFTWARE},
				Labels:          labels(l),
			},
		})
		return err
	})
	if gcp.Is(err, codes.AlreadyExists) {
		k, err = s.c.KMS.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: s.Key()})
	}
	if err != nil {
		return nil, fmt.Errorf("create key %q: %w", s.a.Key, err)
	}
	return k, nil
}

// Undo schedules the destruction of the versions that this setup made. Key and
// ring stay: Google keeps their names, and the version its 30 days of grace.
func (s key) Undo(ctx context.Context, l engine.Ledger) error {
	if s.keep != "" {
		notice(l, "key %q stays as it is: %s", s.a.Key, s.keep)
		return nil
	}
	if err := s.removeFile(l); err != nil {
		return err
	}
	versions, err := s.madeVersions(ctx, l)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := s.destroy(ctx, l, v); err != nil {
			return err
		}
	}
	return nil
}

func (s key) Commands() []string {
	return []string{
		shell("gcloud", "kms", "keys", "create", positional(s.a.Key, s.Key()), "--keyring="+s.KeyRingID(), "--location="+s.Region(), "--project="+s.ProjectID(),
			"--purpose=asymmetric-signing", "--default-algorithm=ec-sign-p256-sha256"),
		shell("gcloud", "kms", "keys", "versions", "get-public-key", s.typedVersion(), "--key="+s.a.Key, "--keyring="+s.KeyRingID(), "--location="+s.Region(),
			"--project="+s.ProjectID(), "--output-file="+publicKeyFile),
	}
}
