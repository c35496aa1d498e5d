package steps

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"github.com/google/renameio/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// publicKeyFile is what cosign calls it.
const publicKeyFile = "cosign.pub"

func fileResource() state.Resource { return state.Resource{Kind: "file", Name: publicKeyFile} }

func (s key) path() string { return filepath.Join(s.out, publicKeyFile) }

// publicKey fetches a version's public key and checks that it arrived whole: KMS
// sends a CRC32C along, as its guide to data integrity asks one to verify.
func (s key) publicKey(ctx context.Context, v *kmspb.CryptoKeyVersion) ([]byte, error) {
	k, err := s.c.KMS.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: v.GetName()})
	if err != nil {
		return nil, fmt.Errorf("public key of version %s of key %q: %w", number(v), s.a.Key, err)
	}
	pem := []byte(k.GetPem())
	sum := crc32.Checksum(pem, crc32.MakeTable(crc32.Castagnoli))
	if k.GetName() != v.GetName() || (k.GetPemCrc32C() != nil && int64(sum) != k.GetPemCrc32C().GetValue()) {
		return nil, fmt.Errorf("public key of version %s of key %q: it was damaged on the way", number(v), s.a.Key)
	}
	return pem, nil
}

// inspectFile gives the zero Change if cosign.pub is there and right.
func (s key) inspectFile(ctx context.Context, l engine.Ledger, v *kmspb.CryptoKeyVersion) (engine.Change, error) {
	have, err := os.ReadFile(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return engine.Change{Action: engine.Create, Summary: publicKeyFile}, nil
	}
	if err != nil {
		return engine.Change{}, fmt.Errorf("read the public key: %w", err)
	}
	want, err := s.publicKey(ctx, v)
	if err != nil {
		return engine.Change{}, err
	}
	switch {
	case bytes.Equal(have, want) && l.Entry(fileResource()).Phase != state.Intended: // else it has no receipt yet
		return engine.Change{}, nil
	case l.Entry(fileResource()).Phase == state.Intended, fingerprint(have) == l.Entry(fileResource()).Facts["sha256"]: // ours, of an earlier version
		return engine.Change{Action: engine.Create, Summary: publicKeyFile}, nil
	}
	return blocked(publicKeyFile, "public-key-differs", "%s holds another key than version %s of key %q", s.path(), number(v), s.a.Key), nil
}

func (s key) export(ctx context.Context, l engine.Ledger, v *kmspb.CryptoKeyVersion) error {
	file, err := s.inspectFile(ctx, l, v)
	switch {
	case err != nil:
		return err
	case file.Action == engine.Blocked:
		return file.Problem
	case file.Action == "" && l.Entry(fileResource()).Phase != "":
		return nil
	}
	pem, err := s.publicKey(ctx, v)
	if err != nil {
		return err
	}
	facts := map[string]string{"sha256": fingerprint(pem)}
	if file.Action == "" { // there before the record, which may be a second one of the same setup
		return adopt(l, fileResource(), l.Entry(s.resource()).Ours(), facts)
	}
	if err := l.Intend(fileResource()); err != nil {
		return err
	}
	if err := renameio.WriteFile(s.path(), pem, 0o600, renameio.WithTempDir(s.out)); err != nil {
		return fmt.Errorf("write the public key: %w", err)
	}
	return l.Made(fileResource(), facts)
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// removeFile takes cosign.pub away if it is still what we wrote. Without a receipt it is
// ours as well: it is written only where there is none, or one of ours.
func (s key) removeFile(l engine.Ledger) error {
	e := l.Entry(fileResource())
	if !e.Ours() {
		return nil
	}
	have, err := os.ReadFile(s.path())
	if err == nil && e.Phase == state.Made && fingerprint(have) != e.Facts["sha256"] {
		return leaveIt(l, fileResource(), "%s is not what signgate wrote", s.path())
	}
	if err == nil {
		err = os.Remove(s.path())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the public key: %w", err)
	}
	return l.Gone(fileResource())
}
