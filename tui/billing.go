package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
)

// billing is the choice of who pays for a project that is still to be made.
type billing struct {
	*app
	by      Biller
	project string
	list    picker
	loading bool
	problem *problem.Problem
}

type billingList struct {
	accounts []BillingAccount
	err      error
}

func newBilling(a *app, by Biller, project string) *billing {
	return &billing{app: a, by: by, project: project, list: newPicker("type to filter")}
}

func (s *billing) typing() bool { return true }

func (s *billing) Init() tea.Cmd {
	s.loading, s.problem = true, nil
	return s.do(func(ctx context.Context) tea.Msg {
		all, err := s.by.BillingAccounts(ctx)
		return billingList{all, err}
	})
}

func (s *billing) Update(msg tea.Msg) tea.Cmd {
	m, ok := msg.(billingList)
	if !ok {
		_, cmd := s.list.typed(msg)
		return cmd
	}
	s.loading, s.problem = false, asProblem(m.err)
	var items []item
	for _, a := range m.accounts {
		items = append(items, item{a.Name, line(a.Display), line(a.Name)})
	}
	s.list.set(items)
	return nil
}

func (s *billing) Keys() []binding {
	k := s.keys
	why := ""
	if _, ok := s.list.current(); !ok {
		why = "no account to choose"
	}
	keys := []binding{k.Accept.says("it pays").off(why), k.Up, k.Down, k.Back, k.PageUp, k.PageDown}
	if s.problem != nil {
		retry := k.Retry
		retry.Keys, retry.Shown = []string{"ctrl+r"}, "ctrl+r"
		keys = s.unfolds(append([]binding{retry}, keys...), s.problem)
	}
	return keys
}

func (s *billing) Press(do action) tea.Cmd {
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
			return s.newProject(s.project, it.id)
		}
	}
	return nil
}

func (s *billing) View(w, h int) []string {
	t := s.theme
	lines := []string{fit(t.Strong.Render("Who pays for ")+t.Strong.Render(line(s.project))+t.Strong.Render("?")+t.Dim.Render("  it is made by the first step, and stays when the rest is removed"), w)}
	var below []string
	switch {
	case s.problem != nil:
		below = s.trouble(s.problem, w)
	case s.loading:
		below = []string{t.Dim.Render("  loading …")}
	case len(s.list.all) == 0:
		below = wrap("This account sees no open billing account. Whoever administers billing can give it the role roles/billing.user on one.", w)
	}
	below = below[:min(len(below), max(0, h-4))]
	return append(append(lines, s.list.view(t, w, h-1-len(below))...), below...)
}
