// Package assets holds the texts that come with signgate: a lesson for each step.
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
