package image

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/gcp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
)

// KMSKey is a version of a key in Cloud KMS ("gcpkms://projects/…/cryptoKeyVersions/1"),
// reached over the connection of somebody else's client. It asks KMS for the key now,
// so that what is wrong with it shows before anything is done with it.
func KMSKey(ctx context.Context, conn *grpc.ClientConn, ref string) (Key, error) {
	sv, err := gcp.LoadSignerVerifier(ctx, ref, option.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", ref, err)
	}
	// The library looks the key up under a context of its own, which nobody can end.
	loaded := make(chan error, 1)
	go func() {
		_, err := sv.PublicKey()
		loaded <- err
	}()
	select {
	case err := <-loaded:
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", ref, err)
		}
		return sv, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
