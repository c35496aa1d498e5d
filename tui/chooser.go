package tui

import "github.com/signgate/signgate/internal/problem"

// chooser is what screens have in common whose answer is one of a list that is
// loaded first, and narrowed by typing.
type chooser struct {
	*app
	list    picker
	loading bool
	problem *problem.Problem
}

func newChooser(a *app, prompt string) chooser { return chooser{app: a, list: newPicker(prompt)} }

func (s *chooser) typing() bool { return true }

// choosing are the keys: what accepting does in words, and why it cannot be where
// the list has nothing.
func (s *chooser) choosing(words, none string) []binding {
	k := s.keys
	if _, ok := s.list.current(); ok {
		none = ""
	}
	keys := []binding{k.Accept.says(words).off(none), k.Up, k.Down, k.Back, k.PageUp, k.PageDown}
	if s.problem != nil {
		retry := k.Retry
		retry.Keys, retry.Shown = []string{"ctrl+r"}, "ctrl+r" // r is text here
		keys = s.unfolds(append([]binding{retry}, keys...), s.problem)
	}
	return keys
}

// question draws the question, the list, and below it what stands in the way; where
// nothing does, why the list is empty.
func (s *chooser) question(title string, empty []string, w, h int) []string {
	t, below := s.theme, empty
	switch {
	case s.problem != nil:
		below = s.trouble(s.problem, w)
	case s.loading:
		below = []string{t.Dim.Render("  loading …")}
	}
	below = below[:min(len(below), max(0, h-4))]
	lines := append([]string{title}, s.list.view(t, w, h-1-len(below))...)
	return append(lines, below...)
}
