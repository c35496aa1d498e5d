package main

import (
	"fmt"
	"strings"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

const notice = "<!-- Written by make docs from the code: a change belongs there. -->\n\n"

// example are the guide's own answers, in a project that is nobody's.
func example() state.Answers {
	a := state.Defaults()
	a.Project = "acme-demo"
	return a
}

// stepsPage is the reference of the steps.
func stepsPage(source) ([]byte, error) {
	opt := steps.Options{Chart: kube.Chart(assets.PolicyController())}
	usual := map[string]engine.Step{}
	for _, s := range steps.List(example(), nil, opt) {
		usual[s.Info().ID] = s
	}
	federated := example()
	federated.WorkloadIdentity = true
	all := steps.List(federated, nil, opt)
	var out strings.Builder
	out.WriteString(notice + `# The steps

What a setup is made of, in an order in which the steps could run one by one. They run side by side as
far as what they need is there. The commands are for the guide's own names in a project ` + "`acme-demo`" + `: what
signgate shows as "by hand", and what ` + "`signgate export script`" + ` is made of. A line that ends in
` + "`# refused: …`" + ` must fail, with these words.

| step | what | needs |
|---|---|---|
`)
	for _, s := range all {
		i := s.Info()
		fmt.Fprintf(&out, "| [`%s`](#%s) | %s | %s |\n", i.ID, i.ID, i.Title, strings.Join(i.Needs, ", "))
	}
	for _, s := range all {
		note := ""
		if one, ok := usual[s.Info().ID]; ok {
			s = one
		} else {
			note = "Only where pods have identities of their own: `workloadIdentity`, or the shape `autopilot`.\n\n"
		}
		describe(&out, s, note)
	}
	return []byte(out.String()), nil
}

func describe(out *strings.Builder, s engine.Step, note string) {
	i := s.Info()
	fmt.Fprintf(out, "\n## %s\n\n**%s**: %s.\n\n%s", i.ID, i.Title, i.Why, note)
	if len(i.Permissions) > 0 {
		out.WriteString("Whoever runs it needs:\n\n")
		for _, p := range i.Permissions {
			fmt.Fprintf(out, "- `%s`%s\n", p, within(p))
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(out, "```sh\n%s\n```\n", strings.Join(s.Commands(), "\n"))
	if text := assets.Lesson(i.ID); text != "" {
		fmt.Fprintf(out, "\n%s\n", strings.TrimSpace(lesson(text)))
	}
}

// within names a predefined role that has a permission.
func within(permission string) string {
	for _, n := range steps.Needs(state.Defaults()) {
		if n.Permission == permission {
			return " (in `" + n.Role + "`)"
		}
	}
	return ""
}

// lesson is a lesson without its heading, and without its own line of commands.
func lesson(text string) string {
	var keep []string
	for _, part := range strings.Split(text, "\n\n") {
		if !strings.HasPrefix(part, "# ") && !strings.HasPrefix(part, "**By hand:**") {
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, "\n\n")
}

func plain(ask string) string { return strings.ReplaceAll(ask, "`", "") }

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
