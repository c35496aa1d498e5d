package steps

import (
	"context"
	"fmt"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// keyring is the key ring that holds the signing key. It has no labels: whose it is stands only on record.
type keyring struct{ cloud }

func (s keyring) Info() engine.Info {
	return engine.Info{
		ID: "keyring", Title: "Key ring", Needs: []string{"apis"},
		Why:         "keys live in a ring, and the ring in a region, for ever: Google keeps its name",
		Permissions: []string{"cloudkms.keyRings.create", "cloudkms.keyRings.get"},
	}
}

func (s keyring) resource() state.Resource {
	return state.Resource{Kind: "cloudkms.keyRing", Name: s.KeyRing()}
}

func (s keyring) get(ctx context.Context, l engine.Ledger) (*kmspb.KeyRing, error) {
	ring, err := lookUp(ctx, s.cloud, l, func(ctx context.Context) (*kmspb.KeyRing, error) {
		return s.c.KMS.GetKeyRing(ctx, &kmspb.GetKeyRingRequest{Name: s.KeyRing()})
	})
	if err != nil {
		return nil, fmt.Errorf("look up key ring %q: %w", s.KeyRingID(), err)
	}
	return ring, nil
}

func (s keyring) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	ring, err := s.get(ctx, l)
	switch {
	case err != nil:
		return engine.Change{}, err
	case ring == nil:
		return engine.Change{Action: engine.Create, Summary: summary}, nil
	}
	return settled(l, s.resource(), false, summary), nil
}

func (s keyring) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	ring, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	if ring != nil {
		return adopt(l, s.resource(), false, nil)
	}
	if err := l.Intend(s.resource()); err != nil {
		return err
	}
	err = s.ask(ctx, l, func(ctx context.Context) error {
		_, err := s.c.KMS.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: s.Location(), KeyRingId: s.KeyRingID()})
		return err
	})
	// The client library repeats a call whose answer was lost, so this may be our own.
	if err != nil && !gcp.Is(err, codes.AlreadyExists) {
		return fmt.Errorf("create key ring %q: %w", s.KeyRingID(), err)
	}
	return l.Made(s.resource(), nil)
}

// Undo leaves the ring: it costs nothing, and Google deletes one only when every
// key in it has been destroyed for good.
func (s keyring) Undo(_ context.Context, l engine.Ledger) error {
	if l.Entry(s.resource()).Ours() {
		notice(l, "key ring %q stays: it costs nothing, and Google keeps it while a key in it waits for its destruction", s.KeyRingID())
	}
	return nil
}

func (s keyring) Commands() []string {
	return []string{shell("gcloud", "kms", "keyrings", "create", positional(s.KeyRingID(), s.KeyRing()), "--location="+s.Region(), "--project="+s.ProjectID())}
}
