package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/state"
)

// signing is the signature of the copied image, made by the key in KMS and stored beside it.
type signing struct {
	cloud
	out string // folder of cosign.pub
}

func (s signing) Info() engine.Info {
	return engine.Info{
		ID: "signature", Title: "Signature", Needs: []string{"key", "image"},
		Why:         "the signature says that you stand behind this very digest; the cluster will run nothing without one",
		Permissions: []string{"cloudkms.cryptoKeyVersions.useToSign", "cloudkms.cryptoKeyVersions.viewPublicKey", "artifactregistry.repositories.uploadArtifacts"},
	}
}

// digest is the copied image's, pinned or as the image step would pin it.
func (s signing) digest(ctx context.Context, l engine.Ledger) (string, error) {
	if pin := l.Pin(PinImageDigest); pin != "" {
		return pin, nil
	}
	base, err := s.source(ctx, l)
	return base.Digest, err
}

// version is the number of the key version that signs, pinned or as the key step would pin it.
func (s signing) version(ctx context.Context, l engine.Ledger) (string, error) {
	if pin := l.Pin(PinKeyVersion); pin != "" {
		return pin, nil
	}
	k := key{cloud: s.cloud}
	found, err := k.get(ctx, l)
	if err != nil {
		return "", err
	}
	if found == nil {
		return "", fmt.Errorf("there is no key %q to sign with yet", s.a.Key)
	}
	v, p, err := k.version(ctx, l, found)
	switch {
	case err != nil:
		return "", err
	case p != nil:
		return "", p
	case v == nil:
		return "", fmt.Errorf("key %q has no version to sign with yet", s.a.Key)
	}
	return number(v), nil
}

func (s signing) key(ctx context.Context, l engine.Ledger) (image.Key, error) {
	version, err := s.version(ctx, l)
	if err != nil {
		return nil, err
	}
	return image.KMSKey(ctx, s.c.KMSConn(), s.KMSRef(version))
}

func (s signing) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	digest, err := s.digest(ctx, l)
	if err != nil {
		return engine.Change{}, err
	}
	ref := s.ImageName() + "@" + digest
	k, err := s.key(ctx, l)
	if err != nil {
		return engine.Change{}, err
	}
	good, others, err := s.registries().Signed(ctx, ref, k)
	if err != nil {
		return engine.Change{}, err
	}
	summary := "signature of " + ref
	switch {
	case good:
		return settled(l, signed(ref), false, summary), nil
	case others > 0:
		summary += fmt.Sprintf(" (besides %d by other keys)", others)
	}
	return engine.Change{Action: engine.Create, Summary: summary}, nil
}

func (s signing) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	digest, err := s.digest(ctx, l)
	if err != nil {
		return err
	}
	ref := s.ImageName() + "@" + digest
	k, err := s.key(ctx, l)
	if err != nil {
		return err
	}
	good, _, err := s.registries().Signed(ctx, ref, k)
	if err != nil {
		return err
	}
	if !good {
		if err := l.Intend(signed(ref)); err != nil {
			return err
		}
		if _, err := s.registries().Sign(ctx, ref, k, s.a.PublicLog); err != nil {
			return err
		}
	}
	return adopt(l, signed(ref), false, nil)
}

// Undo takes the key's signatures away and leaves those of others. Before this
// setup there was none of the key's, or it would have been found and not made.
func (s signing) Undo(ctx context.Context, l engine.Ledger) error {
	for _, e := range l.Entries() {
		if !e.Ours() {
			continue
		}
		k, err := s.verifier(ctx, l)
		if err != nil {
			return err
		}
		if err := s.registries().Unsign(ctx, e.Name, k); err != nil {
			return err
		}
		if err := l.Gone(e.Resource); err != nil {
			return err
		}
	}
	return nil
}

// verifier is the key's public half: from KMS, or from cosign.pub if the version cannot be used any more.
func (s signing) verifier(ctx context.Context, l engine.Ledger) (signature.Verifier, error) {
	k, err := s.key(ctx, l)
	if err == nil {
		return k, nil
	}
	if !gcp.Is(err, codes.FailedPrecondition, codes.NotFound) {
		return nil, err
	}
	pem, missing := os.ReadFile(key{out: s.out}.path())
	if missing != nil {
		return nil, errors.Join(err, missing)
	}
	return image.PublicKey(pem)
}

// legacyFormat has cosign 3 sign as cosign 2 did: policy-controller does not read the
// new format for keys (cosign 2.6 knows these flags, too). Without a log is the third.
func legacyFormat(publicLog bool) []string {
	return []string{"--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=" + strconv.FormatBool(publicLog)}
}

// SignCommand is the command that signs an image by its digest so that the policy
// admits it, without the image.
func SignCommand(a state.Answers, key string) []string {
	words := append([]string{"cosign", "sign", "--yes"}, legacyFormat(a.PublicLog)...)
	return append(words, "--key="+key)
}

func (s signing) Commands() []string {
	const throwAway = "throw-away"
	private := s.a
	private.PublicLog = false
	return []string{
		shell(SignCommand(s.a, s.KMSRef(s.typedVersion()))...) + " " + s.atDigest(s.ImageTag()),
		shell("cosign", "verify", "--insecure-ignore-tlog=true", "--key="+publicKeyFile) + " " + s.atDigest(s.ImageTag()),
		"# a signature of a key that counts for nothing, for the proof",
		"[ -e " + throwAway + ".key ] || COSIGN_PASSWORD='' " + shell("cosign", "generate-key-pair", "--output-key-prefix="+throwAway),
		"COSIGN_PASSWORD='' " + shell(SignCommand(private, throwAway+".key")...) + " " + s.atDigest(tagWrongKey),
	}
}
