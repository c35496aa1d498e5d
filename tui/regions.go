package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
)

// regions is the choice of a region, for key, images and cluster alike.
type regions struct {
	*app
	list    picker
	found   map[string]Region
	loading bool
	problem *problem.Problem
}

type regionList struct {
	regions []Region
	err     error
}

func newRegions(a *app) *regions {
	return &regions{app: a, list: newPicker("type to filter"), found: map[string]Region{}}
}

func (s *regions) typing() bool { return true }

func (s *regions) Init() tea.Cmd {
	s.loading, s.problem = true, nil
	project := s.answers.Project
	return s.do(func(ctx context.Context) tea.Msg {
		all, err := s.backend.Regions(ctx, project)
		return regionList{all, err}
	})
}

func (s *regions) Update(msg tea.Msg) tea.Cmd {
	m, ok := msg.(regionList)
	if !ok {
		_, cmd := s.list.typed(msg)
		return cmd
	}
	s.loading = false
	if s.problem = asProblem(m.err); s.problem != nil {
		return nil
	}
	var items []item
	for _, r := range m.regions {
		s.found[r.Name] = r
		note := line(r.Place)
		if r.Note != "" {
			note = pad(note, 24) + " " + line(r.Note)
		}
		items = append(items, item{r.Name, line(r.Name), note})
	}
	s.list.set(items)
	s.list.choose(s.answers.Region)
	return nil
}

func (s *regions) Keys() []binding {
	k := s.keys
	why := ""
	if _, ok := s.list.current(); !ok {
		why = "no region to choose"
	}
	keys := []binding{k.Accept.says("choose").off(why), k.Up, k.Down, k.Back, k.PageUp, k.PageDown}
	if s.problem != nil {
		retry := k.Retry
		retry.Keys, retry.Shown = []string{"ctrl+r"}, "ctrl+r"
		keys = s.unfolds(append([]binding{retry}, keys...), s.problem)
	}
	return keys
}

func (s *regions) Press(do action) tea.Cmd {
	if s.list.move(do) {
		return nil
	}
	switch do {
	case doBack:
		return s.show(newProjects(s.app))
	case doRetry:
		return s.Init()
	case doAccept:
		if it, ok := s.list.current(); ok {
			return s.choseRegion(s.found[it.id])
		}
	}
	return nil
}

func (s *regions) View(w, h int) []string {
	t := s.theme
	lines := []string{t.Strong.Render("Which region?") + t.Dim.Render("  key, images and cluster live there together")}
	var below []string
	switch {
	case s.problem != nil:
		below = s.trouble(s.problem, w)
	case s.loading:
		below = []string{t.Dim.Render("  loading …")}
	case len(s.list.hits) == 0:
		below = []string{"No region contains that."}
	}
	below = below[:min(len(below), max(0, h-4))]
	return append(append(lines, s.list.view(t, w, h-1-len(below))...), below...)
}
