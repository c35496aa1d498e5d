package steps

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/state"
)

func (s key) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	k, err := s.get(ctx, l)
	if err != nil {
		return nil, err
	}
	f := finding(l, s.resource(), "EC_SIGN_P256_SHA256, for signing")
	seen := when(k != nil, f.Wanted)
	if k != nil {
		if p := s.differs(k); p != nil {
			seen = p.What
		}
	}
	all := []engine.Finding{means(is(f, seen), engine.MayShut, repairMissing, "the key is gone, or of another kind; "+readAgain)}
	if k == nil || l.Pin(PinKeyVersion) == "" {
		return all, nil
	}
	versions, err := s.versions(ctx)
	if err != nil {
		return all, err
	}
	all = append(all, s.lookVersions(l, versions)...)
	return append(all, s.lookFile(ctx, l, versions)), nil
}

// lookVersions looks at the versions that sign or are accepted, and at those that
// somebody has put beside them.
func (s key) lookVersions(l engine.Ledger, versions []*kmspb.CryptoKeyVersion) []engine.Finding {
	held := map[string]bool{}
	var all []engine.Finding
	at := map[string]*kmspb.CryptoKeyVersion{}
	for _, v := range versions {
		at[number(v)] = v
	}
	for _, n := range heldVersions(l) {
		held[n] = true
		f := finding(l, versionResource(s.KeyVersion(n)), "ENABLED")
		if f.Recorded == "" {
			f.Recorded = l.Entry(s.resource()).Phase
		}
		repair := repairChanged("key")
		if st := at[n].GetState(); at[n] == nil || st == kmspb.CryptoKeyVersion_DESTROYED {
			repair = "signgate rotate"
		}
		what := fmt.Sprintf("version %s of key %q is %s: it signs nothing more", n, s.a.Key, strings.ToLower(stateWords(at[n])))
		all = append(all, means(is(f, when(at[n] != nil, at[n].GetState().String())), engine.MayShut, repair,
			what+", and the policy controller cannot read it; "+readAgain))
	}
	newest := 0
	for n := range held {
		newest = max(newest, order(at[n]))
	}
	for _, v := range versions {
		if held[number(v)] || v.GetState() != enabled || order(v) < newest {
			continue
		}
		f := finding(l, versionResource(v.GetName()), "no other version that signs")
		f.Recorded = l.Entry(f.Resource).Phase
		all = append(all, means(is(f, "ENABLED"), engine.MayShut, "signgate rotate",
			fmt.Sprintf("somebody has made version %s of key %q: what is signed without naming a version is signed by it, and refused, for the policy accepts version %s",
				number(v), s.a.Key, strings.Join(heldVersions(l), " and "))))
	}
	return all
}

func stateWords(v *kmspb.CryptoKeyVersion) string {
	if v == nil {
		return "gone"
	}
	return v.GetState().String()
}

func (s key) lookFile(ctx context.Context, l engine.Ledger, versions []*kmspb.CryptoKeyVersion) engine.Finding {
	f := finding(l, fileResource(), "the public key of version "+l.Pin(PinKeyVersion))
	for _, v := range versions {
		if number(v) != l.Pin(PinKeyVersion) || v.GetState() != enabled {
			continue
		}
		seen, repair := f.Wanted, repairMissing
		switch change, err := s.inspectFile(ctx, l, v); {
		case err != nil:
			f.State, f.Real = engine.CannotTell, err.Error()
			return f
		case change.Action == engine.Blocked:
			seen, repair = "another key", "signgate explain public-key-differs"
		case change.Action != "":
			seen = ""
		}
		return means(is(f, seen), engine.Harmless, repair, "only `cosign verify` on this machine reads "+publicKeyFile)
	}
	f.State, f.Real = engine.CannotTell, "the version is not enabled, so its public key is not to be had"
	return f
}

func (s copied) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	var all []engine.Finding
	for _, p := range s.parts() {
		if p.digest = l.Pin(p.pin); p.digest == "" {
			continue
		}
		found, err := s.registries().Find(ctx, s.ref(p))
		if err != nil {
			return all, err
		}
		effect, because := engine.Harmless, "the proof cannot be made again without the image"
		if p.variant == "" {
			effect, because = engine.Shuts, "the signed image is gone from the registry: there is nothing to run"
		}
		all = append(all, means(is(finding(l, manifest(s.ref(p)), p.digest), found), effect, repairMissing, because))
		if p.pin == PinWrongKeyDigest {
			sig, err := s.registries().Find(ctx, s.wrongSignature(p))
			if err != nil {
				return all, err
			}
			all = append(all, means(is(finding(l, signed(s.ref(p)), "signed by a key that nobody keeps"), when(sig != "", "signed by a key that nobody keeps")),
				engine.Harmless, repairMissing, "the proof cannot be made again without that signature"))
		}
	}
	return all, nil
}

func (s signing) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	digest, version := l.Pin(PinImageDigest), l.Pin(PinKeyVersion)
	if digest == "" || version == "" {
		return nil, nil
	}
	ref := s.ImageName() + "@" + digest
	k, err := s.verifier(ctx, l)
	if err != nil {
		return nil, err
	}
	f, err := lookSigned(ctx, s.registries(), finding(l, signed(ref), "signed by version "+version), ref, k)
	return []engine.Finding{f}, err
}

// lookSigned looks for a good signature of an image.
func lookSigned(ctx context.Context, r image.Registries, f engine.Finding, ref string, k signature.Verifier) (engine.Finding, error) {
	good, others, err := r.Signed(ctx, ref, k)
	if err != nil && !gcp.NotFound(err) {
		return f, err
	}
	because := ref + " has lost its signature: it is refused at its next start"
	seen := when(good, f.Wanted)
	if !good && others > 0 {
		seen, because = fmt.Sprintf("%d signatures by other keys", others), ref+" is signed by other keys only: it is refused at its next start"
	}
	f = is(f, seen)
	if f.State == engine.Changed && f.Recorded == "" {
		f.State = engine.NotYet
	}
	return means(f, engine.Shuts, repairMissing, because), nil
}

// onRecord says whether something of ours is to be there.
func onRecord(e state.Entry) bool { return e.Phase == state.Made || e.Phase == state.Found }
