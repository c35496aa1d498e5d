package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/empty"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// Key signs, and checks what it has signed.
type Key interface {
	signature.Signer
	signature.Verifier
}

// SignatureTag is the tag that holds the signatures of a digest: "sha256-….sig".
func SignatureTag(digest string) string {
	h, err := v1.NewHash(digest)
	if err != nil {
		return ""
	}
	return h.Algorithm + "-" + h.Hex + "." + ociremote.SignatureTagSuffix
}

// Sign adds a signature of the key to an image, named by its digest, and reads it
// back from the registry to check it. A good signature of the same key that is
// there already is enough: nothing is added then, and it answers false. With an error,
// added says that the signature may have been stored all the same. With
// publicLog the signature is recorded in Sigstore's transparency log before it is stored.
func (r Registries) Sign(ctx context.Context, ref string, key Key, publicLog bool) (added bool, err error) {
	target, err := name.NewDigest(ref)
	if err != nil {
		return false, err
	}
	s, err := r.open(ctx)
	if err != nil {
		return false, err
	}
	good, all, err := s.signable(ctx, target, key)
	if err != nil || len(good) > 0 {
		return false, err
	}
	sig, err := r.sign(ctx, target, key, publicLog)
	if err != nil {
		return false, fmt.Errorf("sign image %s: %w", ref, err)
	}
	if all, err = mutate.AppendSignatures(all, false, sig); err != nil {
		return false, err
	}
	if err := s.push.Push(ctx, signatureRef(target), all); err != nil {
		return !turnedDown(err), fmt.Errorf("store the signature of %s: %w", ref, err)
	}
	good, _, err = s.signatures(ctx, target, key)
	if err == nil && len(good) == 0 {
		err = fmt.Errorf("the signature of %s was stored, but is not there or does not hold", ref)
	}
	return true, err
}

// turnedDown says whether a registry has refused what it was asked, so that nothing came of it.
func turnedDown(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode/100 == 4
}

// signable asks for an image and for its signatures at once. What is wrong with the
// image is said first: there are no signatures of one that is not there.
func (s *session) signable(ctx context.Context, target name.Digest, key Key) (good []oci.Signature, all oci.Signatures, err error) {
	var missing error
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		found, err := s.find(ctx, target)
		missing = there(found, target.Name(), err)
	}()
	good, all, err = s.signatures(ctx, target, key)
	<-asked
	if missing != nil {
		return nil, nil, missing
	}
	return good, all, err
}

func signatureRef(target name.Digest) name.Tag {
	return target.Context().Tag(SignatureTag(target.DigestStr()))
}

// sign makes the statement, "I sign this digest", and the key's signature of it.
func (r Registries) sign(ctx context.Context, target name.Digest, key Key, publicLog bool) (oci.Signature, error) {
	statement, err := payload.Cosign{Image: target}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	raw, err := key.SignMessage(bytes.NewReader(statement), options.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	var opts []static.Option
	if publicLog {
		entry, err := r.record(ctx, key, statement, raw)
		if err != nil {
			return nil, err
		}
		opts = append(opts, static.WithBundle(entry))
	}
	return static.NewSignature(statement, base64.StdEncoding.EncodeToString(raw), opts...)
}

// signatures reads what is stored beside an image and tells which of it the key has made for this very image.
func (s *session) signatures(ctx context.Context, target name.Digest, key signature.Verifier) (good []oci.Signature, all oci.Signatures, err error) {
	fail := func(err error) ([]oci.Signature, oci.Signatures, error) {
		return nil, nil, fmt.Errorf("read the signatures of %s: %w", target, err)
	}
	all, err = ociremote.Signatures(signatureRef(target), ociremote.WithRemoteOptions(remote.WithContext(ctx), remote.Reuse(s.Puller)))
	if err != nil {
		return fail(err)
	}
	list, err := all.Get()
	if err != nil {
		return fail(err)
	}
	hash, err := v1.NewHash(target.DigestStr())
	if err != nil {
		return fail(err)
	}
	if _, err := key.PublicKey(options.WithContext(ctx)); err != nil { // an answer about signatures is none without the key
		return nil, nil, err
	}
	rules := &cosign.CheckOpts{SigVerifier: key, ClaimVerifier: cosign.SimpleClaimVerifier, IgnoreTlog: true, IgnoreSCT: true}
	for _, sig := range list {
		if sig, err = static.Copy(sig); err != nil { // fetches the statement
			return fail(err)
		}
		if _, err := cosign.VerifyImageSignature(ctx, sig, hash, rules); err == nil {
			good = append(good, sig)
		}
	}
	return good, all, nil
}

// Signed says whether an image, named by its digest, has a good signature of the key,
// and how many signatures it has in all.
func (r Registries) Signed(ctx context.Context, ref string, key signature.Verifier) (good bool, count int, err error) {
	target, err := name.NewDigest(ref)
	if err != nil {
		return false, 0, err
	}
	s, err := r.open(ctx)
	if err != nil {
		return false, 0, err
	}
	mine, all, err := s.signatures(ctx, target, key)
	if err != nil {
		return false, 0, err
	}
	list, err := all.Get()
	return len(mine) > 0, len(list), err
}

// Unsign takes away the key's signatures of an image and leaves those of others.
func (r Registries) Unsign(ctx context.Context, ref string, key signature.Verifier) error {
	target, err := name.NewDigest(ref)
	if err != nil {
		return err
	}
	s, err := r.open(ctx)
	if err != nil {
		return err
	}
	mine, all, err := s.signatures(ctx, target, key)
	if err != nil || len(mine) == 0 {
		return err
	}
	list, err := all.Get()
	if err != nil {
		return err
	}
	if len(list) == len(mine) {
		return s.removeTagged(ctx, signatureRef(target))
	}
	rest, err := without(list, mine)
	if err != nil {
		return err
	}
	if err := s.push.Push(ctx, signatureRef(target), rest); err != nil {
		return fmt.Errorf("take the signature of %s away: %w", ref, err)
	}
	return nil
}

// without is the signatures of list that are not among mine.
func without(list, mine []oci.Signature) (oci.Signatures, error) {
	gone := map[string]bool{}
	for _, sig := range mine {
		text, err := sig.Base64Signature()
		if err != nil {
			return nil, err
		}
		gone[text] = true
	}
	var rest []oci.Signature
	for _, sig := range list {
		text, err := sig.Base64Signature()
		if err != nil {
			return nil, err
		}
		if !gone[text] {
			rest = append(rest, sig)
		}
	}
	return mutate.AppendSignatures(empty.Signatures(), false, rest...)
}
