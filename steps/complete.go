package steps

import (
	"slices"
	"time"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

// Complete adds to a plan what follows from the answers: about how long it takes (by
// times, in seconds, of each step; nil: Google Cloud's), what the setup costs there while
// it exists, and which quota a new project would not have for it.
func Complete(p *engine.Plan, a state.Answers, times map[string]float64) {
	p.Foresee(func(step string) time.Duration { return Estimate(a, times, step) })
	i := slices.IndexFunc(p.Steps, func(s engine.Planned) bool { return s.ID == "cluster" })
	if i < 0 {
		return // the rest costs next to nothing, and fits everywhere
	}
	if cost, ok := CostOf(a); ok {
		p.Cost = &cost
	}
	if p.Steps[i].Change.Action == engine.Create {
		if w := demandOf(a, 1).Exceeds(a.Region); w != nil {
			p.Warnings = append(p.Warnings, w)
		}
	}
}

// Estimate is about how long a step takes where nothing of it is there.
func Estimate(a state.Answers, times map[string]float64, step string) time.Duration {
	if times == nil {
		times = assets.Times()
	}
	switch {
	case step == "project" && a.NewProject:
		step = "newProject"
	case step == "cluster" && NamesOf(a).Zonal():
		step = "zonal"
	case step == "cluster": // Autopilot's are as well
		step = "regional"
	}
	return time.Duration(times[step] * float64(time.Second))
}
