package steps

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

const bot = "serviceAccount:bot@p.iam.gserviceaccount.com"

// policyStore holds one policy as Google does: who writes must have read the last state.
type policyStore struct {
	t       *testing.T
	policy  *iampb.Policy
	writes  int
	refuse  []error // answers to the next writes
	between func()  // what somebody else does between our reading and our writing
}

func (s *policyStore) guarded() guarded {
	return guarded{
		name: "projects/p",
		get: func(context.Context) (*iampb.Policy, error) {
			p := proto.Clone(s.policy).(*iampb.Policy)
			if s.between != nil {
				s.between()
				s.between = nil
			}
			return p, nil
		},
		set: func(_ context.Context, p *iampb.Policy) error {
			s.writes++
			if len(s.refuse) > 0 {
				err := s.refuse[0]
				s.refuse = s.refuse[1:]
				return err
			}
			if string(p.GetEtag()) != string(s.policy.GetEtag()) {
				return status.Error(codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
			}
			if p.GetVersion() != 3 {
				s.t.Errorf("written as version %d: conditions would be lost", p.GetVersion())
			}
			s.policy = proto.Clone(p).(*iampb.Policy)
			s.policy.Etag = append(s.policy.Etag, '+')
			return nil
		},
	}
}

func newPolicy() *iampb.Policy {
	return &iampb.Policy{Version: 3, Etag: []byte("a"), Bindings: []*iampb.Binding{
		{Role: "roles/found", Members: []string{"user:ann@p.example", bot}},
		{Role: "roles/shared", Members: []string{"user:ann@p.example"}},
		{Role: "roles/made", Members: []string{bot}, Condition: &expr.Expr{Expression: "request.time < timestamp('2020-01-01T00:00:00Z')"}},
	}}
}

func testLedger(t *testing.T) engine.Ledger {
	t.Helper()
	store, err := state.Create(t.TempDir(), "test", state.World{Kind: "sandbox"}, state.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return engine.NewLedger(store, "identity", func(engine.Event) {})
}

func never(error) bool { return false }

func TestRolesAreGivenInOneWriteAndTakenBackAsFound(t *testing.T) {
	roles := []string{"roles/found", "roles/shared", "roles/made"}
	l := testLedger(t)
	s := &policyStore{t: t, policy: newPolicy()}
	if err := s.guarded().grant(t.Context(), l, bot, roles, never); err != nil {
		t.Fatal(err)
	}
	if s.writes != 1 {
		t.Errorf("%d writes", s.writes)
	}
	for i, want := range []state.Phase{state.Found, state.Made, state.Made} {
		if got := l.Entry(binding("projects/p", roles[i], bot)).Phase; got != want {
			t.Errorf("%s is on record as %s, want %s", roles[i], got, want)
		}
		if !granted(s.policy, roles[i], bot) {
			t.Errorf("%s was not given", roles[i])
		}
	}
	if err := s.guarded().grant(t.Context(), l, bot, roles, never); err != nil || s.writes != 1 {
		t.Errorf("given again: %v, %d writes", err, s.writes)
	}
	if err := s.guarded().revoke(t.Context(), l, bot, roles, nil); err != nil {
		t.Fatal(err)
	}
	want := newPolicy()
	want.Etag = s.policy.GetEtag()
	if !proto.Equal(s.policy, want) {
		t.Errorf("taken back, the policy is\n%v, it was\n%v", s.policy, want)
	}
}

func TestPolicyConflictsAreRetried(t *testing.T) {
	l := testLedger(t)
	s := &policyStore{t: t, policy: newPolicy()}
	s.between = func() {
		s.policy.Etag = []byte("b")
		s.policy.Bindings = append(s.policy.Bindings, &iampb.Binding{Role: "roles/other", Members: []string{"user:bob@p.example"}})
	}
	if err := s.guarded().grant(t.Context(), l, bot, []string{"roles/made"}, never); err != nil {
		t.Fatal(err)
	}
	if !granted(s.policy, "roles/other", "user:bob@p.example") || !granted(s.policy, "roles/made", bot) || s.writes != 2 {
		t.Errorf("after %d writes the policy is %v", s.writes, s.policy)
	}
}

func TestNewAccountIsWaitedForOnlyIfNew(t *testing.T) {
	unknown := status.Error(codes.InvalidArgument, "Service account bot@p.iam.gserviceaccount.com does not exist.")
	l := testLedger(t)
	s := &policyStore{t: t, policy: newPolicy(), refuse: []error{unknown, unknown}}
	if err := s.guarded().grant(t.Context(), l, bot, []string{"roles/made"}, func(err error) bool { return errors.Is(err, unknown) }); err != nil || s.writes != 3 {
		t.Errorf("%v after %d writes", err, s.writes)
	}
	s.refuse = []error{unknown}
	if err := s.guarded().grant(t.Context(), l, bot, []string{"roles/other"}, never); !errors.Is(err, unknown) {
		t.Errorf("an old account: %v", err)
	}
	if got := l.Entry(binding("projects/p", "roles/other", bot)).Phase; got != state.Intended {
		t.Errorf("a binding that could not be made is on record as %s", got)
	}
}

func TestRevokeKnowsADeletedMember(t *testing.T) {
	l := testLedger(t)
	s := &policyStore{t: t, policy: &iampb.Policy{Version: 3}}
	if err := s.guarded().grant(t.Context(), l, bot, []string{"roles/made"}, never); err != nil {
		t.Fatal(err)
	}
	gone := "deleted:" + bot + "?uid=7"
	s.policy.Bindings[0].Members = []string{gone}
	if err := s.guarded().revoke(t.Context(), l, bot, []string{"roles/made"}, []string{gone}); err != nil || len(s.policy.GetBindings()) != 0 {
		t.Errorf("%v, the policy is %v", err, s.policy)
	}
}

func TestGivingUpOnConflictsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conflict := status.Error(codes.Aborted, "There were concurrent policy changes.")
		g := guarded{name: "projects/p",
			get: func(context.Context) (*iampb.Policy, error) { return &iampb.Policy{}, nil },
			set: func(context.Context, *iampb.Policy) error { return conflict }}
		err := g.change(t.Context(), testLedger(t), never, func(*iampb.Policy) (bool, error) { return true, nil })
		if !errors.Is(err, conflict) || !strings.Contains(err.Error(), "still so after 2m") {
			t.Errorf("%v", err)
		}
	})
}

func TestCommandsSurviveAShell(t *testing.T) {
	if got, want := shell("gcloud", "--display-name=it's a node", "--scopes=a,b", "$HOME"), `gcloud '--display-name=it'\''s a node' --scopes=a,b '$HOME'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, a := range shapes() {
		for _, step := range List(a, nil, Options{}) {
			if len(step.Commands()) == 0 {
				t.Errorf("%s has no commands", step.Info().ID)
			}
		}
	}
}

// What a step says it needs must be among what the preflight tests, or a run would
// find out half way.
func TestPreflightCoversEveryStep(t *testing.T) {
	for _, a := range shapes() {
		var tested []string
		for _, n := range Needs(a) {
			tested = append(tested, n.Permission)
		}
		every := slices.Concat(List(a, nil, Options{}), Rotation(a, nil, Options{}, nil), RotationEnd(a, nil, Options{}, nil))
		for _, step := range every {
			for _, p := range step.Info().Permissions {
				if !slices.Contains(tested, p) {
					t.Errorf("step %s needs %s, which the preflight does not test", step.Info().ID, p)
				}
			}
		}
	}
}

// shapes are answers that lead to different steps.
func shapes() []state.Answers {
	as := state.Defaults()
	as.Project = "acme-demo"
	own, auto, there := as, as, as
	own.WorkloadIdentity, auto.Shape, there.ExistingCluster = true, state.Autopilot, true
	return []state.Answers{as, own, auto, there}
}
