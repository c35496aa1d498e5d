package steps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/kms/apiv1/kmspb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// acceptBoth has the policy accept the new version beside the old one.
type acceptBoth struct{ policy }

func (s acceptBoth) Info() engine.Info {
	info := s.policy.Info()
	info.Needs, info.Why = []string{"key"}, "what the old version has signed must still be let in while the new signatures are made"
	return info
}

func (s acceptBoth) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	switch l.Entry(s.policyResource()).Phase {
	case state.Found:
		return blocked(s.policySummary(), "policy-differs", "policy %q is somebody else's, so it stays as it is", s.a.Policy), nil
	case "", state.Gone:
		return engine.Change{Action: engine.None, Summary: "there is no policy yet"}, nil
	}
	change, err := s.policy.Inspect(ctx, l)
	if err == nil && change.Action == engine.None && l.Pin(PinOtherVersion) == "" {
		return engine.Change{Action: engine.Update, Summary: s.policySummary(), Before: []string{"version " + l.Pin(PinKeyVersion)}, After: []string{"that and the new one"}}, nil
	}
	return change, err
}

// acceptOne has the policy accept the new version alone.
type acceptOne struct {
	policy
	store *state.Store
}

func (s acceptOne) Info() engine.Info {
	info := s.policy.Info()
	info.Needs, info.Why = []string{"controller", "enforcement"}, "the old version lets nothing in any more"
	return info
}

func (s acceptOne) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.policySummary()
	switch other := l.Pin(PinOtherVersion); {
	case l.Pin(PinKeyVersion) == "":
		return blocked(summary, "not-signed-yet", "this setup has no key yet"), nil
	case other != "" && !waiting(l):
		return blocked(summary, "rotation-unfinished", "the images are not signed by version %s yet", other), nil
	case other != "":
		if p, err := s.stillNeeded(ctx, l); err != nil || p != nil {
			return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, err
		}
		return engine.Change{Action: engine.Update, Summary: summary,
			Before: []string{"versions " + strings.Join(heldVersions(l), " and ")}, After: []string{"version " + l.Pin(PinKeyVersion)}}, nil
	case !onRecord(l.Entry(s.policyResource())):
		return engine.Change{Action: engine.None, Summary: "there is no policy yet"}, nil
	}
	return s.policy.Inspect(ctx, l)
}

// stillNeeded is the problem of images that only the old version has signed and that
// are signgate's, or run under the gate: they would be refused at their next start. nil if there are none.
func (s acceptOne) stillNeeded(ctx context.Context, l engine.Ledger) (*problem.Problem, error) {
	todo, k, err := signAgain{signing{cloud: s.cloud}, s.store}.unsigned(ctx, l)
	if err != nil {
		return nil, err
	}
	lines := slices.Clone(todo)
	c, err := s.reach(ctx, l)
	if err != nil {
		return nil, err
	}
	if c != nil {
		running, err := s.runningOld(ctx, c, k)
		if err != nil {
			return nil, err
		}
		lines = append(lines, running...)
	}
	if len(lines) == 0 {
		return nil, nil
	}
	p := raise("rotation-in-use", "%d images are signed by version %s only, and would be refused at their next start", len(lines), l.Pin(PinOtherVersion))
	p.Words = problem.Clean(strings.Join(lines, "\n"))
	return p, nil
}

// runningOld lists what runs in the protected namespaces from our repository and has no signature of the key.
func (s acceptOne) runningOld(ctx context.Context, c *kube.Cluster, k image.Key) ([]string, error) {
	spaces, err := c.Core.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: includeLabel + "=true"})
	if err != nil {
		return nil, fmt.Errorf("list the protected namespaces: %w", err)
	}
	var lines []string
	for _, ns := range spaces.Items {
		running, err := workloads(ctx, c, ns.Name)
		if err != nil {
			return nil, err
		}
		for _, ref := range slices.Sorted(maps.Keys(running)) {
			_, digest, _ := strings.Cut(ref, "@")
			if digest == "" || !strings.HasPrefix(ref, s.RepositoryPath()+"/") {
				continue // the webhook turns tags into digests; what is elsewhere is another policy's matter
			}
			good, count, err := s.registries().Signed(ctx, ref, k)
			if err != nil {
				return nil, err
			}
			if !good && count > 0 {
				lines = append(lines, fmt.Sprintf("%s (%s in namespace %s)", ref, strings.Join(running[ref], ", "), ns.Name))
			}
		}
	}
	return lines, nil
}

func (s acceptOne) Apply(ctx context.Context, change engine.Change, l engine.Ledger) error {
	if l.Pin(PinOtherVersion) != "" {
		if err := s.store.Update(func(r *state.Record) error { delete(r.Pins, PinOtherVersion); return nil }); err != nil {
			return err
		}
	}
	if !onRecord(l.Entry(s.policyResource())) {
		return nil
	}
	return s.policy.Apply(ctx, change, l)
}

// retire disables the versions that sign no more and are accepted no more.
type retire struct {
	key
	store *state.Store
}

func (s retire) Info() engine.Info {
	return engine.Info{ID: "key", Title: "Old key version", Needs: []string{"proof"}, Why: "what nobody accepts should sign nothing; disabled, it can be had back",
		Permissions: []string{"cloudkms.cryptoKeyVersions.update"}}
}

// retired are the enabled versions on record as ours that are older than the one that signs.
func (s retire) retired(ctx context.Context, l engine.Ledger) ([]*kmspb.CryptoKeyVersion, error) {
	all, err := s.versions(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(v *kmspb.CryptoKeyVersion) bool {
		return v.GetState() != enabled || !older(number(v), l.Pin(PinKeyVersion)) || l.Entry(versionResource(v.GetName())).Phase != state.Made
	}), nil
}

func (s retire) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	all, err := s.retired(ctx, l)
	if err != nil {
		return engine.Change{}, err
	}
	if len(all) == 0 {
		return engine.Change{Action: engine.None, Summary: "no old version of " + s.summary() + " is enabled"}, nil
	}
	change := engine.Change{Action: engine.Update, Summary: "old versions of " + s.summary(), After: []string{"disabled"}}
	for _, v := range all {
		change.Before = append(change.Before, "version "+number(v)+" enabled")
	}
	return change, nil
}

func (s retire) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	all, err := s.retired(ctx, l)
	if err != nil {
		return err
	}
	for _, v := range all {
		r := versionResource(v.GetName())
		if err := l.Intend(r); err != nil {
			return err
		}
		if err := s.setState(ctx, v.GetName(), disabled); err != nil {
			return fmt.Errorf("disable version %s of key %q: %w", number(v), s.a.Key, err)
		}
		if err := l.Made(r, map[string]string{"retired": "yes"}); err != nil {
			return err
		}
		notice(l, "version %s of key %q is disabled; to have it back: %s", number(v), s.a.Key,
			shell("gcloud", "kms", "keys", "versions", "enable", number(v), "--key="+s.a.Key, "--keyring="+s.KeyRingID(), "--location="+s.Region(), "--project="+s.ProjectID()))
	}
	return nil
}

func (s retire) Undo(context.Context, engine.Ledger) error { return nil }
