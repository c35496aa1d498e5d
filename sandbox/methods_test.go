package sandbox_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

var update = flag.Bool("update", false, "write docs/sandbox.md's table of methods")

const (
	tableStart = "<!-- methods: go test ./sandbox -run TestMethodTable -update -->\n"
	tableEnd   = "<!-- end of methods -->\n"
)

// TestMethodTable holds the document's table of methods to the rules of the services, which
// TestGate holds to the official definitions.
func TestMethodTable(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Options{})
	path := "../docs/sandbox.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), tableStart)
	written, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		t.Fatalf("%s has no table of methods", path)
	}
	want := methodTable(s.IAM().Rules())
	if written == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not up to date (-update writes it):\n%s", path, want)
	}
	if err := os.WriteFile(path, []byte(before+tableStart+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func methodTable(rules [][]iam.Rule) string {
	served, unserved := map[string][]string{}, map[string][]string{}
	var services []string
	for _, r := range slices.Concat(rules...) {
		service, method, _ := strings.Cut(strings.TrimPrefix(r.Method, "/"), "/")
		if strings.HasPrefix(service, "google.longrunning.") || strings.HasPrefix(service, "google.cloud.location.") || strings.HasPrefix(service, "google.iam.v1.") {
			continue // each host has them: operations, locations, policies
		}
		if !slices.Contains(services, service) {
			services = append(services, service)
		}
		if r.Unserved {
			unserved[service] = append(unserved[service], method)
		} else {
			served[service] = append(served[service], method)
		}
	}
	slices.Sort(services)
	var b strings.Builder
	b.WriteString("| service | served | `UNIMPLEMENTED` |\n|---|---|---|\n")
	list := func(names []string) string {
		slices.Sort(names)
		names = slices.Compact(names)
		if len(names) == 0 {
			return "none"
		}
		return fmt.Sprintf("%d: %s", len(names), strings.Join(names, ", "))
	}
	for _, name := range services {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, list(served[name]), list(unserved[name]))
	}
	return b.String()
}
