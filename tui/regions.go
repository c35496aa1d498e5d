package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// regions is the choice of a region, for key, images and cluster alike.
type regions struct {
	chooser
	found map[string]Region
}

type regionList struct {
	regions []Region
	err     error
}

func newRegions(a *app) *regions {
	return &regions{chooser: newChooser(a, "type to filter"), found: map[string]Region{}}
}

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

func (s *regions) Keys() []binding { return s.choosing("choose", "no region to choose") }

func (s *regions) Press(do action) tea.Cmd {
	if s.list.move(do) {
		return nil
	}
	switch do {
	case doBack:
		return s.toProjects()
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
	var empty []string
	if len(s.list.hits) == 0 {
		empty = []string{"No region contains that."}
	}
	return s.question(t.Strong.Render("Which region?")+t.Dim.Render("  key, images and cluster live there together"), empty, w, h)
}
