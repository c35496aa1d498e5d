package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/state"
)

// answerFlags are the wizard's questions as flags and as a config file.
type answerFlags struct {
	file  string
	given state.Answers
	flags []answerFlag
}

// answerFlag ties a flag to the answer it sets.
type answerFlag struct {
	name string
	copy func(to, from *state.Answers)
}

func addAnswerFlags(cmd *cobra.Command) *answerFlags {
	q := &answerFlags{given: state.Defaults()}
	f, g := cmd.Flags(), &q.given
	f.StringVarP(&q.file, "file", "f", "", "answers from a YAML `file`; flags win over it")
	text := func(name string, at func(*state.Answers) *string, usage string) {
		f.StringVar(at(g), name, *at(g), usage)
		q.flags = append(q.flags, answerFlag{name, func(to, from *state.Answers) { *at(to) = *at(from) }})
	}
	number := func(name string, at func(*state.Answers) *int, usage string) {
		f.IntVar(at(g), name, *at(g), usage)
		q.flags = append(q.flags, answerFlag{name, func(to, from *state.Answers) { *at(to) = *at(from) }})
	}
	yes := func(name string, at func(*state.Answers) *bool, usage string) {
		f.BoolVar(at(g), name, *at(g), usage)
		q.flags = append(q.flags, answerFlag{name, func(to, from *state.Answers) { *at(to) = *at(from) }})
	}
	text("project", func(a *state.Answers) *string { return &a.Project }, "project `id`")
	yes("new-project", func(a *state.Answers) *bool { return &a.NewProject }, "make the project, and link it to --billing-account")
	text("billing-account", func(a *state.Answers) *string { return &a.BillingAccount }, "`account` of a new project")
	text("region", func(a *state.Answers) *string { return &a.Region }, "`region` of everything")
	text("zone", func(a *state.Answers) *string { return &a.Zone }, "`zone` of a zonal cluster (default: the region's first)")
	text("suffix", func(a *state.Answers) *string { return &a.Suffix }, "`text` after every name, where several people share a project")
	text("key-ring", func(a *state.Answers) *string { return &a.KeyRing }, "`name` of the key ring")
	text("key", func(a *state.Answers) *string { return &a.Key }, "`name` of the signing key")
	text("repository", func(a *state.Answers) *string { return &a.Repository }, "`name` of the private repository")
	text("image", func(a *state.Answers) *string { return &a.Image }, "public `image` to copy and sign")
	text("cluster", func(a *state.Answers) *string { return &a.Cluster }, "`name` of the cluster")
	text("shape", func(a *state.Answers) *string { return &a.Shape }, "`shape` of the cluster: zonal, regional, guide, autopilot")
	text("machine-type", func(a *state.Answers) *string { return &a.MachineType }, "machine `type` of its nodes")
	number("disk-gb", func(a *state.Answers) *int { return &a.DiskGB }, "disk of a node in `GB`")
	number("nodes", func(a *state.Answers) *int { return &a.Nodes }, "nodes a zone")
	text("namespace", func(a *state.Answers) *string { return &a.Namespace }, "`namespace` to protect")
	text("policy", func(a *state.Answers) *string { return &a.Policy }, "`name` of the image policy")
	yes("workload-identity", func(a *state.Answers) *bool { return &a.WorkloadIdentity },
		"let policy-controller sign in as itself, with fewer rights than the guide gives to every node (always so on Autopilot)")
	yes("public-log", func(a *state.Answers) *bool { return &a.PublicLog }, "record signatures in Sigstore's public transparency log as well")
	return q
}

// over lays the file and the flags that were given over what is known already.
func (q *answerFlags) over(cmd *cobra.Command, known state.Answers) (state.Answers, error) {
	out := known
	if q.file != "" {
		data, err := os.ReadFile(q.file)
		if err != nil {
			return out, usagef("--file: %w", err)
		}
		if err := yaml.UnmarshalStrict(data, &out); err != nil {
			return out, usagef("%s: %s", q.file, strings.TrimPrefix(err.Error(), "error unmarshaling JSON: while decoding JSON: "))
		}
	}
	for _, f := range q.flags {
		if cmd.Flags().Changed(f.name) {
			f.copy(&out, &q.given)
		}
	}
	return out, nil
}

// checkAnswers says every rule that is broken, at once. Open is the project that
// is still to be found out.
func checkAnswers(a state.Answers, open bool) error {
	var lines []string
	for _, f := range state.Validate(a) {
		if !open || f.Path != "project" {
			lines = append(lines, fmt.Sprintf("\n  %s: %s", f.Path, f.Rule))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return usagef("answers that do not fit:%s", strings.Join(lines, ""))
}

// differences says how two sets of answers differ, a line each.
func differences(have, want state.Answers) []string {
	fields := func(a state.Answers) map[string]any {
		data, _ := json.Marshal(a)
		var m map[string]any
		_ = json.Unmarshal(data, &m) // what was just written
		return m
	}
	old, other := fields(have), fields(want)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(merged(old, other))) {
		if old[key] != other[key] {
			lines = append(lines, fmt.Sprintf("%s: on record %v, asked for %v", key, shown(old[key]), shown(other[key])))
		}
	}
	return lines
}

func merged(a, b map[string]any) map[string]any {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func shown(v any) any {
	if v == nil {
		return "nothing"
	}
	return v
}
