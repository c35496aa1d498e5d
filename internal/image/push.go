package image

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Progress is told how many bytes have been pushed, of how many. It is called often.
type Progress func(done, total int64)

// Push writes images to one repository, each under a tag. Layers that several of
// them share, or that are there already, are sent once or not at all.
func (r Registries) Push(ctx context.Context, repository string, images map[string]Image, progress Progress) error {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return err
	}
	todo := map[name.Reference]remote.Taggable{}
	for tag, img := range images {
		todo[repo.Tag(tag)] = img.image
	}
	s, err := r.open(ctx)
	if err != nil {
		return err
	}
	err = s.write(todo, progress)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		// One of many transfers failed, and this is how another was ended for it: the cause is lost. What is there stays.
		err = s.write(todo, progress)
	}
	if err != nil {
		return fmt.Errorf("push to %s: %w", repository, err)
	}
	return nil
}

// write sends everything at once.
func (s *session) write(todo map[name.Reference]remote.Taggable, progress Progress) error {
	updates := make(chan v1.Update, 64)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for u := range updates {
			if u.Error == nil && progress != nil {
				progress(u.Complete, u.Total)
			}
		}
	}()
	err := remote.MultiWrite(todo, append(slices.Clone(s.base), remote.WithProgress(updates))...) // closes updates
	<-told
	return err
}

// Remove deletes what a reference names; nothing there is success. A registry
// deletes a manifest only when no tag names it, so tags go first.
func (r Registries) Remove(ctx context.Context, ref string) error {
	target, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	s, err := r.open(ctx)
	if err != nil {
		return err
	}
	return s.remove(ctx, target)
}

func (s *session) remove(ctx context.Context, ref name.Reference) error {
	if err := s.push.Delete(ctx, ref); err != nil && !absent(err) {
		return fmt.Errorf("delete image %s: %w", ref, err)
	}
	return nil
}

// RemoveTagged deletes a tag, and the manifest that it named.
func (r Registries) RemoveTagged(ctx context.Context, tag string) error {
	target, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	s, err := r.open(ctx)
	if err != nil {
		return err
	}
	return s.removeTagged(ctx, target)
}

func (s *session) removeTagged(ctx context.Context, tag name.Tag) error {
	digest, err := s.find(ctx, tag)
	if err != nil || digest == "" {
		return err
	}
	if err := s.remove(ctx, tag); err != nil {
		return err
	}
	return s.remove(ctx, tag.Context().Digest(digest))
}
