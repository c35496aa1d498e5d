package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/internal/tools"
)

// scriptMethods holds what a person's setup called, by the sandbox's journal, to the list of
// methods that the sandbox is tried with by Google's REST clients (sandbox's TestClients):
//
//	methods STATE
func scriptMethods(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: methods STATE")
	}
	root, err := tools.Root()
	ts.Check(err)
	list, err := os.ReadFile(filepath.Join(root, "sandbox", "testdata", "flow_methods.txt"))
	ts.Check(err)
	listed := strings.Fields(string(list))
	called := map[string]bool{}
	for _, c := range calls(ts, args[0]) {
		service, method, ok := strings.Cut(strings.TrimPrefix(c.Method, "/google."), "/")
		if !ok || !strings.HasPrefix(c.Method, "/google.") || !strings.HasPrefix(c.Principal, "user:") {
			continue // the registry, sign-ins; the nodes and what runs on them
		}
		called[service[strings.LastIndexByte(service, '.')+1:]+"/"+method] = true
	}
	if len(called) < 20 {
		ts.Fatalf("this was no whole setup: %v", slices.Sorted(maps.Keys(called)))
	}
	var unlisted []string
	for _, m := range slices.Sorted(maps.Keys(called)) {
		if !slices.Contains(listed, m) {
			unlisted = append(unlisted, m)
		}
	}
	if len(unlisted) > 0 {
		ts.Fatalf("called, and not in sandbox/testdata/flow_methods.txt:\n%s", strings.Join(unlisted, "\n"))
	}
}
