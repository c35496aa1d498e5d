package engine

import (
	"slices"
	"time"
)

// Forecast is about how long a plan will take.
type Forecast struct {
	Seconds    float64  `json:"seconds"`    // along Path, the longest chain of steps that wait for one another
	Path       []string `json:"path"`       // ids of its steps
	Sequential float64  `json:"sequential"` // the same steps one after another
}

// Cost is what a setup costs while it exists, in US dollars at list price.
type Cost struct {
	Hourly  float64    `json:"hourly"`
	Monthly float64    `json:"monthly"`
	Lines   []CostLine `json:"lines,omitempty"`
	Note    string     `json:"note,omitempty"` // what it leaves out, and the date of the price list
}

// CostLine is a part of it.
type CostLine struct {
	What   string  `json:"what"` // "9 × e2-medium"
	Hourly float64 `json:"hourly"`
}

// Foresee notes of each step that has something to do about how long it takes, and of
// the plan how long that makes in all.
func (p *Plan) Foresee(takes func(step string) time.Duration) {
	ends := map[string]float64{}
	before := map[string]string{} // of each step, the one whose end it waits for
	f, last := Forecast{Path: []string{}}, ""
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Seconds = 0
		if a := s.Change.Action; a == Create || a == Update {
			s.Seconds = takes(s.ID).Seconds()
		}
		begin := 0.0
		for _, need := range s.Needs {
			if ends[need] > begin {
				begin, before[s.ID] = ends[need], need
			}
		}
		ends[s.ID] = begin + s.Seconds
		f.Sequential += s.Seconds
		if ends[s.ID] > f.Seconds {
			f.Seconds, last = ends[s.ID], s.ID
		}
	}
	for id := last; id != "" && ends[id] > 0; id = before[id] {
		f.Path = append(f.Path, id)
	}
	slices.Reverse(f.Path)
	p.Forecast = &f
}
