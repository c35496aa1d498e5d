// Package signgate_test holds the house's own rules: who may import whom.
package signgate_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/signgate/signgate/"

// may lists, for each part, the parts it may import. Everyone may use
// internal/problem; tests may use more.
func may() map[string][]string {
	return map[string][]string{
		"cmd/signgate":        {"tui", "steps", "state", "sandbox", "assets", "internal/engine", "internal/gcp", "internal/kube", "internal/image", "internal/export", "internal/boot"},
		"internal/boot":       {},
		"internal/export":     {"steps", "state", "assets", "internal/kube"},
		"internal/docs":       {"steps", "state", "assets", "internal/engine", "internal/kube"},
		"tui":                 {"internal/engine", "state", "assets"},
		"steps":               {"internal/engine", "internal/gcp", "internal/kube", "internal/image", "state", "assets"},
		"state":               {},
		"assets":              {},
		"internal/engine":     {"state"},
		"internal/problem":    {"state"},
		"internal/gcp":        {},
		"internal/kube":       {},
		"internal/image":      {},
		"sandbox":             {},
		"internal/testreport": {},
		"internal/bench":      {"internal/tools", "steps", "state", "internal/engine", "internal/gcp", "internal/kube"},
		"internal/tools":      {},
		"internal/matrix":     {"sandbox"}, // it knows the program from outside only
	}
}

// part is the room of the house that a package is in: the longest name that it starts with.
func part(pkg string) string {
	best := ""
	for name := range may() {
		if (pkg == name || strings.HasPrefix(pkg, name+"/")) && len(name) > len(best) {
			best = name
		}
	}
	return best
}

func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], module)
		room := part(from)
		if room == "" && from+"/" != module {
			t.Errorf("%s is in no part of the house", from)
			continue
		}
		for _, imported := range words[1:] {
			to, ours := strings.CutPrefix(imported, module)
			if !ours || part(to) == room || part(to) == "internal/problem" && room != "sandbox" {
				continue
			}
			if !slices.Contains(may()[room], part(to)) {
				t.Errorf("%s imports %s: %s may not use %s", from, to, room, part(to))
			}
		}
		if room == "tui" {
			checkNoCloud(t, from, words[1:])
		}
	}
}

// checkNoCloud keeps the wizard free of what only the steps should touch.
func checkNoCloud(t *testing.T, from string, imports []string) {
	for _, i := range imports {
		for _, cloud := range []string{"cloud.google.com/", "google.golang.org/", "k8s.io/", "helm.sh/", "github.com/sigstore/", "github.com/google/go-containerregistry"} {
			if strings.HasPrefix(i, cloud) {
				t.Errorf("%s imports %s: the wizard knows no cloud", from, i)
			}
		}
	}
}
