package steps

import (
	"context"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// copied is the public image in the private repository, and beside it two that the
// proof needs: the same image with another label each, so that they share its
// layers. One stays unsigned, one is signed by a key that nobody keeps.
type copied struct{ cloud }

func (s copied) Info() engine.Info {
	return engine.Info{
		ID: "image", Title: "Image", Needs: []string{"registry"},
		Why:         "what is signed is a digest in your own repository, which nobody else can move or replace",
		Permissions: []string{"artifactregistry.repositories.uploadArtifacts", "artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.deleteArtifacts"},
	}
}

// part is one image in the repository.
type part struct {
	pin, tag string
	variant  string // the label's value; "" is the copy itself
	digest   string
}

// variantLabel makes the images of the proof different from the copy.
const variantLabel = "dev.signgate.variant"

func (s copied) parts() []part {
	return []part{
		{pin: PinImageDigest, tag: s.ImageTag()},
		{pin: PinUnsignedDigest, tag: TagUnsigned, variant: "unsigned"},
		{pin: PinWrongKeyDigest, tag: tagWrongKey, variant: "wrong-key"},
	}
}

func manifest(ref string) state.Resource { return state.Resource{Kind: "image.manifest", Name: ref} }
func signed(ref string) state.Resource   { return state.Resource{Kind: "image.signature", Name: ref} }

func (s cloud) registries() image.Registries {
	return image.Registries{HTTP: s.c.HTTP, Tokens: s.c.Tokens}
}

// resolve gives the parts their digests: the pinned ones, or else those that the
// public image has now. The second value is that image where it had to be looked at.
func (s copied) resolve(ctx context.Context, l engine.Ledger) ([]part, *image.Image, error) {
	parts := s.parts()
	pinned := true
	for i := range parts {
		parts[i].digest = l.Pin(parts[i].pin)
		pinned = pinned && parts[i].digest != ""
	}
	if pinned {
		return parts, nil, nil
	}
	base, err := s.source(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	for i, p := range parts {
		img, err := p.of(base)
		if err != nil {
			return nil, nil, err
		}
		parts[i].digest = img.Digest
	}
	return parts, &base, nil
}

// source is the public image: the digest that was pinned, or what its tag is now.
func (s cloud) source(ctx context.Context, l engine.Ledger) (image.Image, error) {
	ref := s.a.Image
	if pin := l.Pin(PinImageDigest); pin != "" {
		ref = s.SourceName() + "@" + pin
	}
	return s.registries().Get(ctx, ref, s.Platform())
}

// of makes the part from the copy.
func (p part) of(base image.Image) (image.Image, error) {
	if p.variant == "" {
		return base, nil
	}
	return base.Labelled(variantLabel, p.variant)
}

func (s copied) ref(p part) string { return s.ImageName() + "@" + p.digest }

// wrongSignature is the tag that holds the signature nobody should accept.
func (s copied) wrongSignature(p part) string {
	return s.ImageName() + ":" + image.SignatureTag(p.digest)
}

func (s copied) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	parts, _, err := s.resolve(ctx, l)
	switch {
	case ctx.Err() != nil:
		return engine.Change{}, ctx.Err()
	case err != nil: // better known before anything is made than half way
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: problem.From(err)}, nil
	}
	action := engine.None
	for _, p := range parts {
		change, err := s.inspect(ctx, l, p)
		if err != nil {
			return engine.Change{}, err
		}
		switch change.Action {
		case engine.Blocked:
			return change, nil
		case engine.Create:
			action = engine.Create
		case engine.Reuse:
			if action == engine.None {
				action = engine.Reuse
			}
		}
	}
	return engine.Change{Action: action, Summary: summary}, nil
}

// inspect looks at one part: there by its digest, or its tag free for it.
func (s copied) inspect(ctx context.Context, l engine.Ledger, p part) (engine.Change, error) {
	found, err := s.registries().Find(ctx, s.ref(p))
	if err != nil {
		return engine.Change{}, err
	}
	if found == "" {
		other, err := s.registries().Find(ctx, s.ImageName()+":"+p.tag)
		if err != nil {
			return engine.Change{}, err
		}
		if other != "" {
			return blocked(s.a.Image, "image-tag-taken", "the tag %s:%s is on another image already (%s)", s.ImageName(), p.tag, other), nil
		}
		return engine.Change{Action: engine.Create}, nil
	}
	change := settled(l, manifest(s.ref(p)), false, "")
	if p.pin != PinWrongKeyDigest {
		return change, nil
	}
	sig, err := s.registries().Find(ctx, s.wrongSignature(p))
	if err != nil || sig == "" {
		return engine.Change{Action: engine.Create}, err
	}
	if c := settled(l, signed(s.ref(p)), false, ""); change.Action != engine.Create && c.Action != engine.None {
		return c, nil
	}
	return change, nil
}

func (s copied) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	parts, base, err := s.resolve(ctx, l)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := l.SetPin(p.pin, p.digest); err != nil {
			return err
		}
	}
	if err := s.push(ctx, l, parts, base); err != nil {
		return err
	}
	for _, p := range parts {
		if err := adopt(l, manifest(s.ref(p)), false, nil); err != nil {
			return err
		}
	}
	return s.signWrongly(ctx, l, parts[len(parts)-1])
}

// push sends what is not there yet, all of it at once, so that shared layers go once.
func (s copied) push(ctx context.Context, l engine.Ledger, parts []part, base *image.Image) error {
	images := map[string]image.Image{}
	for _, p := range parts {
		change, err := s.inspect(ctx, l, p)
		if err != nil {
			return err
		}
		if change.Action == engine.Blocked {
			return change.Problem
		}
		if found, err := s.registries().Find(ctx, s.ref(p)); err != nil || found != "" {
			if err != nil {
				return err
			}
			continue
		}
		if base == nil {
			b, err := s.source(ctx, l)
			if err != nil {
				return err
			}
			base = &b
		}
		if images[p.tag], err = p.of(*base); err != nil {
			return err
		}
		if err := l.Intend(manifest(s.ref(p))); err != nil {
			return err
		}
	}
	if len(images) == 0 {
		return nil
	}
	return s.registries().Push(ctx, s.ImageName(), images, meter(l, "copying "+s.a.Image))
}

// signWrongly signs the last image with a key that is forgotten at once.
func (s copied) signWrongly(ctx context.Context, l engine.Ledger, p part) error {
	r := signed(s.ref(p))
	found, err := s.registries().Find(ctx, s.wrongSignature(p))
	if err != nil {
		return err
	}
	if found == "" {
		key, err := image.ThrowAwayKey()
		if err != nil {
			return err
		}
		if err := l.Intend(r); err != nil {
			return err
		}
		if _, err := s.registries().Sign(ctx, s.ref(p), key, false); err != nil {
			return err
		}
	}
	return adopt(l, r, false, nil)
}

// Undo deletes the images that this setup pushed, tags first.
func (s copied) Undo(ctx context.Context, l engine.Ledger) error {
	for _, p := range s.parts() {
		p.digest = l.Pin(p.pin)
		if p.digest == "" {
			continue
		}
		if r := signed(s.ref(p)); l.Entry(r).Ours() {
			if err := s.registries().RemoveTagged(ctx, s.wrongSignature(p)); err != nil {
				return err
			}
			if err := l.Gone(r); err != nil {
				return err
			}
		}
		r := manifest(s.ref(p))
		if !l.Entry(r).Ours() {
			continue
		}
		tag := s.ImageName() + ":" + p.tag
		if at, err := s.registries().Find(ctx, tag); err != nil {
			return err
		} else if at == p.digest {
			if err := s.registries().Remove(ctx, tag); err != nil {
				return err
			}
		}
		if err := s.registries().Remove(ctx, s.ref(p)); err != nil {
			return err
		}
		if err := l.Gone(r); err != nil {
			return err
		}
	}
	return nil
}

func (s copied) Commands() []string {
	to := s.ImageName() + ":"
	lines := []string{shell("crane", "copy", "--platform="+s.Platform(), s.a.Image, to+s.ImageTag())}
	for _, p := range s.parts()[1:] {
		lines = append(lines, shell("crane", "mutate", "--label="+variantLabel+"="+p.variant, "--tag="+to+p.tag, to+s.ImageTag()))
	}
	return lines
}

// meter reports bytes, at most some ten times a second.
func meter(l engine.Ledger, stage string) image.Progress {
	var last time.Time
	return func(done, total int64) {
		if done != total && time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		l.Report(engine.Event{Type: engine.TypeProgress, Text: stage,
			Progress: &engine.Progress{Stage: stage, Done: done, Total: total, Unit: "bytes"}})
	}
}
