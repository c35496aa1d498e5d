package matrix

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	known "github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
)

// seed draws what a sample is made of: the same for everyone, so that what fails is the
// change's doing, and any that is asked for (go test ./internal/matrix -seed 7).
var seed = flag.Uint64("seed", 329, "`number` that draws the samples")

// programs is the folder of the programs; a test that needs them is skipped where they are not built.
func programs(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a cluster: make test")
	}
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	if missing := sandbox.Missing(bin); len(missing) > 0 {
		t.Skipf("no cluster without %v in bin/: make build", missing)
	}
	return bin
}

// TestSamples tries a few cases of both matrices: make crash and make faults try them all.
func TestSamples(t *testing.T) {
	bin, ctx := programs(t), t.Context()
	t.Logf("seed %d", *seed)
	u, err := Reference(ctx, bin)
	if err != nil {
		t.Fatal(err)
	}
	cases := Crashes(u.Calls)
	some, err := Sample(cases, *seed, 6, Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d crashes", len(some), len(cases))
	var trials []Trial
	for _, c := range some {
		trials = append(trials, c)
	}
	for _, f := range someFaults(targetsOf(u.Calls)) {
		t.Logf("%d calls that fail as %q", len(f.Targets), f)
		trials = append(trials, f)
	}
	passed, failed := All(ctx, bin, u.State, trials, 2, func(r Result) {
		if r.Err != nil {
			t.Errorf("%s: %v\nagain: make %s ONLY='%s'", r, r.Err, map[bool]string{true: "crash", false: "faults"}[strings.Contains(r.String(), "/")], r)
		}
	})
	t.Logf("%d passed, %d failed", passed, failed)
}

// someFaults are two kinds of faults, each of a dozen calls.
func someFaults(targets []string) []*Faults {
	all, _ := Table(targets)
	draw := rand.New(rand.NewPCG(*seed, 1))
	var some []*Faults
	for _, i := range draw.Perm(len(all))[:2] {
		f := all[i]
		draw.Shuffle(len(f.Targets), func(i, j int) { f.Targets[i], f.Targets[j] = f.Targets[j], f.Targets[i] })
		f.Targets = f.Targets[:min(len(f.Targets), 12)]
		some = append(some, f)
	}
	return some
}

func TestRulesAreNarrow(t *testing.T) {
	for path, compared := range map[string]bool{
		"iam.json/policies/projects/acme-demo/bindings/roles/viewer/members/user:a": true,
		"iam.json/policies/projects/acme-demo/serial":                               false,
		"kms.json/keyRings/r/cryptoKeys/k/versions/0/state":                         true,
		"kms.json/keyRings/r/cryptoKeys/k/versions/0/material":                      false,
		"setups/s/record.json/record/entries/file cosign.pub key/phase":             true,
		"setups/s/record.json/record/serial":                                        false,
		"cluster/secrets/cosign-system/x/data/a":                                    true,
		"cluster/secrets/cosign-system/webhook-certs/data/a":                        false,
		"cluster/deployments.apps/default/nginx/spec/replicas":                      true,
		"cluster/deployments.apps/default/nginx/metadata/uid":                       false,
		"cluster/events/default/x/message":                                          false,
		"cluster/pods/cosign-system/p/status/containerStatuses/c/restartCount":      false,
		"cluster/pods/cosign-system/p/status/containerStatuses/c/ready":             true,
		"cluster/pods/default/p/status/containerStatuses/c/restartCount":            true,
	} {
		if got := ruleFor(path) == nil; got != compared {
			t.Errorf("%s: compared %v, want %v", path, got, compared)
		}
	}
	for _, r := range Rules() {
		if _, err := regexp.Compile(r.Path); err != nil || r.Why == "" {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// state reads a JSON tree as if it were a world's.
func state(t *testing.T, text string) *State {
	t.Helper()
	tree, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := &State{leaves: map[string]string{}}
	s.add("world", settled(tree))
	return s
}

func TestDifferences(t *testing.T) {
	const one = `{"bindings":[{"role":"a","members":["x"]},{"role":"b","members":["y"]}],"made":"2026-11-25T07:00:00Z","operations":{"q":{},"r":{}}}`
	for text, want := range map[string][]string{
		one: nil,
		// Another order, other moments, other names of operations.
		`{"bindings":[{"role":"b","members":["y"]},{"role":"a","members":["x"]}],"made":"2025-01-02T03:04:05.678Z","operations":{"s":{},"t":{}}}`: nil,
		// Twice, too little, another value, an operation more.
		`{"bindings":[{"role":"a","members":["x","x"]},{"role":"b","members":["y"]}],"made":"2026-11-25T07:00:00Z","operations":{"q":{},"r":{}}}`:            {"too much  world/bindings/a/members/x#2"},
		`{"bindings":[{"role":"a","members":["x"]}],"made":"2026-11-25T07:00:00Z","operations":{"q":{},"r":{}}}`:                                             {"missing   world/bindings/b/members/y", "missing   world/bindings/b/role"},
		`{"bindings":[{"role":"a","members":["x"]},{"role":"b","members":["y"]}],"made":"never","operations":{"q":{},"r":{}}}`:                               {"different world/made"},
		`{"bindings":[{"role":"a","members":["x"]},{"role":"b","members":["y"]}],"made":"2026-11-25T07:00:00Z","operations":{"q":{},"r":{},"u":{"done":1}}}`: {"different world/operations/operation"},
	} {
		got := state(t, one).Differences(state(t, text))
		if len(got) != len(want) {
			t.Errorf("%s: %q, want %q", text, got, want)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]+":") {
				t.Errorf("%s: %q, want %q", text, got[i], want[i])
			}
		}
	}
}

// Two objects whose names Kubernetes made up from one beginning are two.
func TestGeneratedNamesKeepTheirNumber(t *testing.T) {
	pod := func(name string) map[string]any {
		return map[string]any{"metadata": map[string]any{"name": name, "namespace": "n", "generateName": "p-"}}
	}
	raw, err := json.Marshal(map[string]any{"items": []any{pod("p-1"), pod("p-2")}})
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	if all := byName(objectsOf(list.Items)); len(all) != 2 {
		t.Errorf("two pods became %d", len(all))
	}
}

func objectsOf(items []map[string]any) (all []unstructured.Unstructured) {
	for _, item := range items {
		all = append(all, unstructured.Unstructured{Object: item})
	}
	return all
}

func TestAuditedCallsAreFoundAgain(t *testing.T) {
	line := func(user, verb, uri string) string {
		return `{"verb":"` + verb + `","requestURI":"` + uri + `","user":{"username":"` + user + `"},"requestReceivedTimestamp":"2026-11-25T07:00:00Z"}` + "\n"
	}
	got, err := audited([]byte(line(owner, "create", "/d?dryRun=All&f=s") + line("system:node:a", "create", "/d?f=s") + line(owner, "create", "/d?f=s") +
		line(owner, "create", "/d?f=s") + line(owner, "create", "/s") + line(owner, "update", "/s/a")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range writes(got) {
		names = append(names, c.String())
	}
	want := []string{"POST 203.0.113.*/d?f=s#1", "POST 203.0.113.*/d?f=s#2", "POST 203.0.113.*/s#1", "PUT 203.0.113.*/s/a#1"}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if n := len(Crashes(got)); n != 8 {
		t.Errorf("%d cases, want twice the 4 calls", n)
	}
}

func TestFaultsMayStopOnlyAtKnownProblems(t *testing.T) {
	for _, k := range faultKinds() {
		if _, err := regexp.Compile(k.Only); err != nil || k.Only != "" && k.Why == "" {
			t.Errorf("%s: %v", k.Name, err)
		}
		for _, id := range k.Stops {
			if _, ok := known.Explain(id); !ok || id == "unknown" {
				t.Errorf("%s may stop at %q, which is no problem that is known", k.Name, id)
			}
		}
	}
}
