package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/state"
)

// projects is the choice of a project: those that the account sees, loaded page
// by page as one moves down, narrowed by a filter; an id that is not in the list
// (lists lag behind) is looked up.
type projects struct {
	chooser
	known  map[string]bool
	filter string // what the pages being loaded are filtered by
	next   string // token of the page after the last loaded
	done   bool   // the last page for filter is here
}

// Answers of its commands.
type (
	projectPage struct {
		filter string
		page   ProjectPage
		err    error
	}
	projectFound struct {
		project Project
		err     error
	}
)

// The items for an id that was typed: one that is there, or one that is to be.
const (
	elsewhere = "\x00typed"
	brandNew  = "\x00new"
)

func newProjects(a *app) *projects {
	return &projects{chooser: newChooser(a, "type to filter, or a project id"), known: map[string]bool{}}
}

func (s *projects) Init() tea.Cmd { return s.load() }

// load asks for the next page of the filter.
func (s *projects) load() tea.Cmd {
	s.loading, s.problem = true, nil
	filter, token := s.filter, s.next
	return s.do(func(ctx context.Context) tea.Msg {
		page, err := s.backend.Projects(ctx, filter, token)
		return projectPage{filter, page, err}
	})
}

func (s *projects) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case projectPage:
		return s.loaded(msg)
	case projectFound:
		s.loading = false
		if s.problem = asProblem(msg.err); s.problem == nil {
			return s.choseProject(msg.project)
		}
		return nil
	}
	changed, cmd := s.list.typed(msg)
	if !changed {
		return cmd
	}
	s.problem = nil
	s.offerTyped()
	return tea.Batch(cmd, s.more())
}

func (s *projects) loaded(m projectPage) tea.Cmd {
	if m.filter != s.filter {
		return nil // asked for before the filter changed; its successor is under way
	}
	s.loading = false
	if s.problem = asProblem(m.err); s.problem != nil {
		return nil
	}
	s.dropTyped()
	for _, p := range m.page.Projects {
		if !s.known[p.ID] {
			s.known[p.ID] = true
			s.list.add(item{id: p.ID, label: line(p.ID), note: line(p.Name)})
		}
	}
	s.next, s.done = m.page.Next, m.page.Next == ""
	s.offerTyped()
	return s.more()
}

// more loads what the screen needs next, if anything: the filter's first page
// once it has changed, or the next page when the cursor nears the end.
func (s *projects) more() tea.Cmd {
	switch {
	case s.filter != s.list.filter() && (!s.done || s.filter != ""):
		s.filter, s.next, s.done = s.list.filter(), "", false
		return s.load()
	case s.loading || s.done || s.problem != nil:
		return nil
	case s.list.cursor+2*s.list.page >= len(s.list.hits):
		return s.load()
	}
	return nil
}

// offerTyped adds the typed text as a choice, where it could be a project's id.
func (s *projects) offerTyped() {
	s.dropTyped()
	id := s.list.filter()
	if id == "" || s.known[id] || !validProject(id) {
		return
	}
	s.offer(item{id: elsewhere, label: "look up the id " + id})
	if _, ok := s.backend.(Biller); ok {
		s.offer(item{id: brandNew, label: "make a new project " + id})
	}
}

func (s *projects) offer(it item) {
	s.list.all = append(s.list.all, it)
	s.list.hits = append(s.list.hits, len(s.list.all)-1)
}

func (s *projects) dropTyped() {
	for n := len(s.list.all); n > 0 && (s.list.all[n-1].id == elsewhere || s.list.all[n-1].id == brandNew); n-- {
		s.list.all = s.list.all[:n-1]
		if h := len(s.list.hits); h > 0 && s.list.hits[h-1] == n-1 {
			s.list.hits = s.list.hits[:h-1]
		}
		s.list.cursor = max(0, min(s.list.cursor, len(s.list.hits)-1))
	}
}

func validProject(id string) bool {
	a := state.Defaults()
	a.Project = id
	_, bad := rules(a)["project"]
	return !bad
}

func (s *projects) Keys() []binding { return s.choosing("choose", "no project to choose") }

func (s *projects) Press(do action) tea.Cmd {
	if s.list.move(do) {
		return s.more()
	}
	switch do {
	case doBack:
		return tea.Sequence(s.forget(), s.toWelcome())
	case doRetry:
		return s.load()
	case doAccept:
		return s.accept()
	}
	return nil
}

func (s *projects) accept() tea.Cmd {
	it, ok := s.list.current()
	if !ok {
		return nil
	}
	id := s.list.filter()
	switch it.id {
	case elsewhere:
	case brandNew:
		return s.toBilling(id)
	default:
		return s.choseProject(Project{ID: it.id})
	}
	s.loading, s.problem = true, nil
	return s.do(func(ctx context.Context) tea.Msg {
		p, err := s.backend.Project(ctx, id)
		return projectFound{p, err}
	})
}

// orNew says how a new project is made: here, where that is possible.
func (s *projects) orNew() string {
	if _, ok := s.backend.(Biller); ok {
		return ", or the id that a new one is to have: 6 to 30 lower-case letters, digits and dashes."
	}
	return ", or make one with: gcloud projects create ID"
}

func (s *projects) View(w, h int) []string {
	var empty []string
	switch {
	case len(s.list.hits) > 0:
	case s.list.filter() == "":
		empty = wrap("This account sees no project. Type the id of one"+s.orNew(), w)
	default:
		empty = wrap("No project contains "+strings.TrimSpace(line(s.list.filter()))+". An id has 6 to 30 lower-case letters, digits and dashes.", w)
	}
	return s.question(s.theme.Strong.Render("Which project?"), empty, w, h)
}
