package main

import (
	"fmt"
	"strings"

	"github.com/signgate/signgate/internal/problem"
)

// problemsPage is the catalogue of problems, from what `signgate explain` reads.
func problemsPage(source) ([]byte, error) {
	var out strings.Builder
	out.WriteString(notice + `# The problems that signgate knows

Each failure has an id that stays. ` + "`signgate explain ID`" + ` says the same as this page. Where the words of a service
tell the problem, the pattern that they are recognised by is given; the others signgate raises itself. What
no pattern matches is shown whole, under the id ` + "`unknown`" + `. A word in capitals stands for what the
service said in that place.

`)
	all := problem.Catalogue()
	for _, e := range all {
		fmt.Fprintf(&out, "- [`%s`](#%s): %s\n", e.ID, e.ID, problem.Plain(e.What))
	}
	for _, e := range all {
		fmt.Fprintf(&out, "\n## %s\n\n%s.\n", e.ID, sentence(problem.Plain(e.What)))
		if e.Why != "" {
			fmt.Fprintf(&out, "\n**Why:** %s.\n", problem.Plain(e.Why))
		}
		if e.Fix != "" {
			fmt.Fprintf(&out, "\n**Try:** %s\n", problem.Plain(e.Fix))
		}
		if e.Pattern != "" {
			fmt.Fprintf(&out, "\n**Recognised by:**\n\n```\n%s\n```\n", e.Pattern)
		}
	}
	return []byte(out.String()), nil
}
