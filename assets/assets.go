// Package assets holds what comes with signgate and is no code: lessons, prices, quotas,
// regions, how long steps take, the chart's pin and the form of the policy.
package assets

import "embed"

//go:embed lessons/*.md
var lessons embed.FS

// Lesson returns the lesson of a step in Markdown, "" if there is none of that id.
func Lesson(step string) string {
	text, err := lessons.ReadFile("lessons/" + step + ".md")
	if err != nil {
		return ""
	}
	return string(text)
}
