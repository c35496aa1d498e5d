package export_test

import (
	"flag"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signgate/signgate/internal/export"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
)

// chart is one that no world has: what is written must be what was given.
var chart = kube.Chart{Repo: "https://charts.example.com", Name: "policy-controller", Version: "1.2.3", Digest: strings.Repeat("c", 64)}

func defaults() state.Answers {
	a := state.Defaults()
	a.Project = "acme-demo"
	return a
}

func described(a state.Answers) export.Setup {
	return export.Setup{Name: "demo", Answers: a, Chart: chart}
}

// anyAnswers draws answers that the rules let through, names at their edges among them.
func anyAnswers(t *rapid.T) state.Answers {
	text := func(pattern, name string) string { return rapid.StringMatching(pattern).Draw(t, name) }
	a := state.Answers{
		Project:    text(`([a-z]{1,9}\.[a-z]{2,3}:)?[a-z][a-z0-9-]{4,20}[a-z0-9]`, "project"),
		NewProject: rapid.Bool().Draw(t, "newProject"),
		Region:     text(`[a-z]{2,9}-[a-z]{4,12}[1-9]`, "region"),
		Suffix:     text(`([a-z0-9][a-z0-9-]{0,4}[a-z0-9])?`, "suffix"),
		KeyRing:    text(`[a-zA-Z0-9_-]{1,40}`, "keyRing"), Key: text(`[a-zA-Z0-9_-]{1,63}`, "key"),
		Repository: text(`[a-z][a-z0-9-]{0,40}[a-z0-9]`, "repository"),
		Image: text(`([a-z]{1,8}\.io(:[0-9]{2,4})?/)?[a-z0-9]{1,8}((\.|_|__|-{1,2})[a-z0-9]{1,8})?(/[a-z0-9]{1,20}(_[a-z0-9]{1,30})?)?(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20})?(@sha256:`+
			strings.Repeat("b", 64)+`)?`, "image"),
		Cluster:     text(`[a-z][-a-z0-9]{1,16}[a-z0-9]`, "cluster"),
		Shape:       rapid.SampledFrom([]string{state.Zonal, state.Regional, state.Guide, state.Autopilot}).Draw(t, "shape"),
		MachineType: text(`[a-z][a-z0-9]{1,3}-[a-z]{2,9}-[0-9]{1,2}`, "machineType"),
		DiskGB:      rapid.IntRange(10, 65536).Draw(t, "diskGB"), Nodes: rapid.IntRange(1, 1000).Draw(t, "nodes"),
		Namespace: text(`[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?`, "namespace"),
		Policy:    rapid.OneOf(rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z0-9]{1,9}){0,3}`), rapid.SampledFrom([]string{"null", "true", "1", "1.5", "1e3", "0x1f", "no"})).Draw(t, "policy"),
		PublicLog: rapid.Bool().Draw(t, "publicLog"), WorkloadIdentity: rapid.Bool().Draw(t, "workloadIdentity"), ExistingCluster: rapid.Bool().Draw(t, "existingCluster"),
	}
	if a.NewProject || rapid.Bool().Draw(t, "billed") {
		a.BillingAccount = "billingAccounts/" + text(`[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}`, "billingAccount")
	}
	if rapid.Bool().Draw(t, "zoned") && a.Shape != state.Autopilot {
		a.Zone = a.Region + "-" + text(`[a-z]`, "zone")
	}
	if wrong := state.Validate(a); len(wrong) > 0 {
		t.Skipf("%v", wrong)
	}
	return a
}

// checks sets how many cases rapid draws, for a property that starts a process for each.
func checks(t *testing.T, n string) {
	f := flag.Lookup("rapid.checks")
	before := f.Value.String()
	if err := f.Value.Set(n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Value.Set(before) })
}
