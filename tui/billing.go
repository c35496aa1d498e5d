package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// billing is the choice of who pays for a project that is still to be made.
type billing struct {
	chooser
	by      Biller
	project string
}

type billingList struct {
	accounts []BillingAccount
	err      error
}

func newBilling(a *app, by Biller, project string) *billing {
	return &billing{chooser: newChooser(a, "type to filter"), by: by, project: project}
}

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
		items = append(items, item{a.Name, line(a.Display), line(strings.TrimPrefix(a.Name, "billingAccounts/"))})
	}
	s.list.set(items)
	return nil
}

func (s *billing) Keys() []binding { return s.choosing("it pays", "no account to choose") }

func (s *billing) Press(do action) tea.Cmd {
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
			return s.newProject(s.project, it.id)
		}
	}
	return nil
}

func (s *billing) View(w, h int) []string {
	t := s.theme
	title := fit(t.Strong.Render("Who pays for ")+t.Strong.Render(line(s.project))+t.Strong.Render("?")+t.Dim.Render("  the first step makes it; destroy leaves it"), w)
	var empty []string
	if len(s.list.all) == 0 {
		empty = wrap("This account sees no open billing account. Whoever administers billing can give it the role roles/billing.user on one.", w)
	}
	return s.question(title, empty, w, h)
}
