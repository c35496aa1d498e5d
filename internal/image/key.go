package image

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/gcp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
)

// KMSKey is a version of a key in Cloud KMS ("gcpkms://projects/…/cryptoKeyVersions/1"),
// reached over the connection of somebody else's client. It is looked up while the
// caller goes on to other things; its first use waits for that, and tells what is
// wrong with it.
func KMSKey(ctx context.Context, conn *grpc.ClientConn, ref string) (Key, error) {
	sv, err := gcp.LoadSignerVerifier(ctx, ref, option.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", ref, err)
	}
	k := &kmsKey{SignerVerifier: sv, ctx: ctx, found: make(chan struct{})}
	go func() {
		defer close(k.found)
		// The library looks the key up under a context of its own, which nobody can end.
		if _, err := sv.PublicKey(); err != nil {
			k.err = fmt.Errorf("key %s: %w", ref, err)
		}
	}()
	return k, nil
}

// kmsKey is a key that is being looked up.
type kmsKey struct {
	*gcp.SignerVerifier
	ctx   context.Context // of whoever asked for it
	found chan struct{}
	err   error // once found is closed
}

func (k *kmsKey) wait() error {
	select {
	case <-k.found:
		return k.err
	case <-k.ctx.Done():
		return k.ctx.Err()
	}
}

func (k *kmsKey) PublicKey(o ...signature.PublicKeyOption) (crypto.PublicKey, error) {
	if err := k.wait(); err != nil {
		return nil, err
	}
	return k.SignerVerifier.PublicKey(o...)
}

func (k *kmsKey) SignMessage(message io.Reader, o ...signature.SignOption) ([]byte, error) {
	if err := k.wait(); err != nil {
		return nil, err
	}
	return k.SignerVerifier.SignMessage(message, o...)
}

func (k *kmsKey) VerifySignature(sig, message io.Reader, o ...signature.VerifyOption) error {
	if err := k.wait(); err != nil {
		return err
	}
	return k.SignerVerifier.VerifySignature(sig, message, o...)
}

// ThrowAwayKey is a key that exists in memory only, for a signature that must not be accepted.
func ThrowAwayKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return signature.LoadECDSASignerVerifier(private, crypto.SHA256)
}

// PublicKey is the key in a PEM file such as cosign.pub; it checks signatures and makes none.
func PublicKey(pem []byte) (signature.Verifier, error) {
	public, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	return signature.LoadVerifier(public, crypto.SHA256)
}
