package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/internal/engine"
)

// asked STATE FILE: whatever permission a person's setup has used, by the sandbox's journal,
// is one that the doctor, whose events are in the file, asks for beforehand.
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: asked STATE FILE")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	tested := map[string]bool{}
	for line := range bytes.Lines(data) {
		var ev engine.Event
		ts.Check(json.Unmarshal(line, &ev))
		if ev.Check != nil {
			tested[strings.TrimPrefix(ev.Check.ID, "permission:")] = true
		}
	}
	used, untested := map[string]bool{}, map[string]bool{}
	for _, c := range calls(ts, args[0]) {
		if c.Permission == "" || !strings.HasPrefix(c.Principal, "user:") {
			continue
		}
		used[c.Permission] = true
		if !tested[c.Permission] && !inCluster(c.Permission) && !spared(c.Permission) {
			untested[c.Permission] = true
		}
	}
	if len(used) < 20 {
		ts.Fatalf("this was no whole setup: %v", slices.Sorted(maps.Keys(used)))
	}
	if len(untested) > 0 {
		ts.Fatalf("used, and not tested before:\n%s", strings.Join(slices.Sorted(maps.Keys(untested)), "\n"))
	}
}

// inCluster are permissions for Kubernetes objects: there are too many to ask for all.
func inCluster(permission string) bool {
	kind, _ := strings.CutPrefix(permission, "container.")
	return kind != permission && !strings.HasPrefix(kind, "clusters.") && !strings.HasPrefix(kind, "operations.")
}

// spared are permissions that a setup does without: they show that an API answers by now, and is
// where the setup is to be, which signgate's own list says else; or they have destroy name what it
// otherwise says in general.
func spared(permission string) bool {
	return slices.Contains([]string{"cloudkms.locations.get", "artifactregistry.locations.get", "artifactregistry.repositories.list", "iam.serviceAccounts.list", "container.clusters.list",
		"artifactregistry.dockerimages.list"}, permission)
}
