package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
)

// slot is when a step of a plan runs, counted from the run's begin.
type slot struct{ begin, own time.Duration }

// schedule is when each step would run: as soon as what it needs is there. known is
// false where nobody knows how long steps take; then each takes as long as any.
func schedule(plan engine.Plan, est Estimator) (slots []slot, whole time.Duration, known bool) {
	if est != nil {
		for _, p := range plan.Steps {
			known = known || est.Estimate(p.ID) > 0
		}
	}
	ends := map[string]time.Duration{}
	for _, p := range plan.Steps {
		var at slot
		for _, need := range p.Needs {
			at.begin = max(at.begin, ends[need])
		}
		switch {
		case p.Change.Action != engine.Create && p.Change.Action != engine.Update:
		case known:
			at.own = est.Estimate(p.ID)
		default:
			at.own = time.Second
		}
		ends[p.ID] = at.begin + at.own
		whole = max(whole, ends[p.ID])
		slots = append(slots, at)
	}
	return slots, whole, known
}

// draw is a slot as a bar on a line of w cells that is whole long: bars above each
// other run side by side.
func (s slot) draw(t theme, whole time.Duration, w int) string {
	if s.own <= 0 || whole <= 0 {
		return spaces(w)
	}
	cell := func(d time.Duration) int { return int((d*time.Duration(w) + whole/2) / whole) }
	from := min(cell(s.begin), w-1)
	to := min(w, max(from+1, cell(s.begin+s.own)))
	return spaces(from) + t.Accent.Render(strings.Repeat("█", to-from)) + spaces(w-to)
}

// brief is how long a slot is, in at most four columns.
func (s slot) brief() string {
	switch d := s.own; {
	case d <= 0:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(1, int(d.Round(time.Second)/time.Second)))
	default:
		return fmt.Sprintf("%dm", int(d.Round(time.Minute)/time.Minute))
	}
}
