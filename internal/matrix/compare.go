package matrix

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Differences are where another state is not the same, a line each.
func (s *State) Differences(other *State) []string {
	var all []string
	for path, want := range s.leaves {
		switch have, there := other.leaves[path]; {
		case !there:
			all = append(all, fmt.Sprintf("missing   %s: %s", path, short(want)))
		case have != want:
			all = append(all, fmt.Sprintf("different %s: %s, undisturbed %s", path, short(have), short(want)))
		}
	}
	for path, have := range other.leaves {
		if _, there := s.leaves[path]; !there && (s.out == nil || !s.out.MatchString(path)) {
			all = append(all, fmt.Sprintf("too much  %s: %s", path, short(have)))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(a[10:], b[10:]) })
	return all
}

func short(text string) string {
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return strconv.Quote(text)
}

// Without is the state less all leaves whose path matches.
func (s *State) Without(paths *regexp.Regexp) *State {
	less := &State{map[string]string{}, paths}
	for path, value := range s.leaves {
		if !paths.MatchString(path) {
			less.leaves[path] = value
		}
	}
	return less
}

// Size is the number of leaves that are compared.
func (s *State) Size() int { return len(s.leaves) }

// settlesWithin is how long controllers may take to bring the cluster to rest after a run, on a busy machine.
const settlesWithin = 90 * time.Second

// Reaches returns when the world is as an undisturbed run leaves it, or says what is not so.
func (w *World) Reaches(ctx context.Context, want *State) error {
	return eventually(ctx, settlesWithin, func(ctx context.Context) error {
		have, err := w.State(ctx)
		if err != nil {
			return err
		}
		differences := want.Differences(have)
		if len(differences) == 0 {
			return nil
		}
		const most = 25
		text := strings.Join(differences[:min(len(differences), most)], "\n  ")
		if more := len(differences) - most; more > 0 {
			text += fmt.Sprintf("\n  and %d more", more)
		}
		return fmt.Errorf("it does not end as an undisturbed run:\n  %s", text)
	})
}
