package kms_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"pgregory.net/rapid"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

// model is what versions of a key should be, kept by the simplest means.
type model struct {
	dir     string
	now     *time.Time
	iam     *iam.IAM
	s       *kms.Service
	key     string
	version []*expected
}

type expected struct {
	state   kmspb.CryptoKeyVersion_CryptoKeyVersionState
	ready   time.Time
	destroy time.Time
}

const (
	generation = 10 * time.Second
	lingering  = 48 * time.Hour
)

func newModel(t *rapid.T, k *iam.IAM, now *time.Time) *model {
	*now = time.Unix(1_800_000_000, 0)
	m, err := &model{now: now, iam: k}, error(nil)
	if !slices.Contains(rapid.SliceOfN(rapid.Bool(), 4, 4).Draw(t, "in memory"), true) { // a disk is slow: one in sixteen
		if m.dir, err = os.MkdirTemp("", "kms-laws-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(m.dir) })
	}
	m.open(t)
	ctx := context.Background()
	ring, err := m.s.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := m.s.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: ring.GetName(), CryptoKeyId: "k", SkipInitialVersionCreation: true, CryptoKey: &kmspb.CryptoKey{
		Purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256},
		DestroyScheduledDuration: durationOf(lingering)}})
	if err != nil {
		t.Fatal(err)
	}
	m.key = key.GetName()
	return m
}

func (m *model) open(t *rapid.T) {
	s, err := kms.New(m.iam, kms.Options{Dir: m.dir, Latency: kms.Latency{Generate: generation}})
	if err != nil {
		t.Fatal(err)
	}
	m.s = s
}

// pass lets time go by in the model.
func (m *model) pass() {
	for _, v := range m.version {
		if v.state == pending && !m.now.Before(v.ready) {
			v.state = enabled
		}
		if v.state == scheduled && !m.now.Before(v.destroy) {
			v.state = destroyed
		}
	}
}

// pick is one of the versions, with its name; skips the step if there is none.
func (m *model) pick(t *rapid.T) (*expected, string) {
	if len(m.version) == 0 {
		t.Skip("no versions")
	}
	i := rapid.IntRange(0, len(m.version)-1).Draw(t, "version")
	return m.version[i], fmt.Sprintf("%s/cryptoKeyVersions/%d", m.key, i+1)
}

// moved holds a change of state against the model: done if it may be done from where the version is.
func moved(t *rapid.T, v *expected, err error, from []kmspb.CryptoKeyVersion_CryptoKeyVersionState, to func()) {
	for _, state := range from {
		if v.state == state {
			if err != nil {
				t.Fatalf("from %s: %v", v.state, err)
			}
			to()
			return
		}
	}
	if status.Code(err) != codes.FailedPrecondition {
		t.Fatalf("from %s: %v", v.state, err)
	}
}

// TestLaws: whatever is asked of versions in whatever order, they go only the ways that
// the definition names, only enabled ones sign, and a restart changes nothing.
func TestLaws(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	type states = []kmspb.CryptoKeyVersion_CryptoKeyVersionState
	var now time.Time
	k := must(iam.New(iam.Options{Clock: func() time.Time { return now }}))(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, k, &now)
		set := func(to kmspb.CryptoKeyVersion_CryptoKeyVersionState) func(*rapid.T) {
			return func(t *rapid.T) {
				v, name := m.pick(t)
				_, err := m.s.UpdateCryptoKeyVersion(ctx, &kmspb.UpdateCryptoKeyVersionRequest{
					CryptoKeyVersion: &kmspb.CryptoKeyVersion{Name: name, State: to}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"state"}}})
				moved(t, v, err, states{enabled, disabled}, func() { v.state = to })
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				if len(m.version) > 4 {
					t.Skip("enough")
				}
				got, err := m.s.CreateCryptoKeyVersion(ctx, &kmspb.CreateCryptoKeyVersionRequest{Parent: m.key})
				if err != nil {
					t.Fatal(err)
				}
				m.version = append(m.version, &expected{state: pending, ready: m.now.Add(generation)})
				if want := fmt.Sprintf("/%d", len(m.version)); !strings.HasSuffix(got.GetName(), want) {
					t.Fatalf("%s, want %s", got.GetName(), want)
				}
			},
			"enable":  set(enabled),
			"disable": set(disabled),
			"destroy": func(t *rapid.T) {
				v, name := m.pick(t)
				_, err := m.s.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: name})
				moved(t, v, err, states{enabled, disabled}, func() { v.state, v.destroy = scheduled, m.now.Add(lingering) })
			},
			"restore": func(t *rapid.T) {
				v, name := m.pick(t)
				_, err := m.s.RestoreCryptoKeyVersion(ctx, &kmspb.RestoreCryptoKeyVersionRequest{Name: name})
				moved(t, v, err, states{scheduled}, func() { v.state = disabled })
			},
			"sign": func(t *rapid.T) {
				v, name := m.pick(t)
				_, err := m.s.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: name, Digest: digest256(sha("x"))})
				moved(t, v, err, states{enabled}, func() {})
			},
			"wait": func(t *rapid.T) {
				*m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, generation, time.Hour, lingering}).Draw(t, "time"))
				m.pass()
			},
			"restart": func(t *rapid.T) {
				if m.dir == "" {
					t.Skip("in memory")
				}
				before := m.list(t)
				if err := m.s.Close(); err != nil {
					t.Fatal(err)
				}
				m.open(t)
				if after := m.list(t); !proto.Equal(before, after) {
					t.Fatalf("before the restart %v, after it %v", before, after)
				}
			},
			"": func(t *rapid.T) { m.hold(t) },
		})
	})
}

func (m *model) list(t *rapid.T) *kmspb.ListCryptoKeyVersionsResponse {
	all, err := m.s.ListCryptoKeyVersions(context.Background(), &kmspb.ListCryptoKeyVersionsRequest{Parent: m.key})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hold holds the versions against the model, and the file against its law: key
// material of every version that is not destroyed, and of no other.
func (m *model) hold(t *rapid.T) {
	all, live := m.list(t).GetCryptoKeyVersions(), 0
	if len(all) != len(m.version) {
		t.Fatalf("%d versions, want %d", len(all), len(m.version))
	}
	for i, got := range all {
		want := m.version[i]
		if got.GetState() != want.state {
			t.Fatalf("version %d is %s, want %s", i+1, got.GetState(), want.state)
		}
		if (got.GetDestroyTime() != nil) != (want.state == scheduled) || (got.GetDestroyEventTime() != nil) != (want.state == destroyed) || (got.GetGenerateTime() == nil) != (want.state == pending) {
			t.Fatalf("version %d has the times of another state: %v", i+1, got)
		}
		if want.state != destroyed {
			live++
		}
	}
	if m.dir == "" {
		return
	}
	data, err := os.ReadFile(filepath.Join(m.dir, "kms.json"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), `"material":`); n != live {
		t.Fatalf("key material of %d versions is on disk, want %d", n, live)
	}
}
