package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// welcome is the first screen: what one will get, in which world, as whom, and
// which setups there are to go on with. It is drawn before anything is asked of
// anyone; signing in goes on behind it.
type welcome struct {
	*app
	notes   chan string
	doing   string // what connecting is doing
	ready   bool
	problem *problem.Problem
	setups  []state.Listed
	cursor  int
}

// Answers of welcome's commands.
type (
	connecting struct{ note string }
	connected  struct {
		world  World
		setups []state.Listed
		err    error
	}
)

func newWelcome(a *app) *welcome { return &welcome{app: a} }

func (s *welcome) Init() tea.Cmd { return s.connect() }

// connect signs in and reads which setups there are.
func (s *welcome) connect() tea.Cmd {
	s.problem, s.ready, s.doing = nil, false, "signing in"
	s.notes = make(chan string, 16)
	notes := s.notes
	return tea.Batch(s.listen(), s.do(func(ctx context.Context) tea.Msg {
		defer close(notes)
		world, err := s.backend.Connect(ctx, func(text string) { notes <- text })
		if err != nil {
			return connected{err: err}
		}
		setups, err := s.backend.Setups(ctx)
		return connected{world, setups, err}
	}))
}

func (s *welcome) listen() tea.Cmd {
	notes := s.notes
	return s.do(func(context.Context) tea.Msg {
		text, open := <-notes
		if !open {
			return nil
		}
		return connecting{text}
	})
}

func (s *welcome) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case connecting:
		s.doing = line(msg.note)
		return s.listen()
	case connected:
		s.problem = asProblem(msg.err)
		if s.ready = msg.err == nil; s.ready {
			s.world, s.setups, s.cursor = msg.world, sorted(msg.setups), 0
		}
	}
	return nil
}

// sorted puts what is unfinished first, the latest first in each group.
func sorted(all []state.Listed) []state.Listed {
	out := make([]state.Listed, 0, len(all))
	for _, want := range []bool{true, false} {
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].Record.Finished.IsZero() == want {
				out = append(out, all[i])
			}
		}
	}
	return out
}

func (s *welcome) Keys() []binding {
	if s.problem != nil {
		return []binding{s.keys.Retry}
	}
	wait := ""
	if !s.ready {
		wait = s.doing
	}
	accept := s.keys.Accept.says("start").off(wait)
	if _, on := s.selected(); on {
		accept.Words = "go on with it"
	}
	return []binding{accept, s.keys.Up, s.keys.Down}
}

// selected is the setup under the cursor. Unfinished ones stand before the offer
// of a new one, the others behind it.
func (s *welcome) selected() (state.Listed, bool) {
	n := s.unfinished()
	switch {
	case s.cursor == n || len(s.setups) == 0:
		return state.Listed{}, false
	case s.cursor < n:
		return s.setups[s.cursor], true
	}
	return s.setups[s.cursor-1], true
}

func (s *welcome) unfinished() int {
	n := 0
	for _, l := range s.setups {
		if l.Err == nil && l.Record.Finished.IsZero() {
			n++
		}
	}
	return n
}

func (s *welcome) Press(do action) tea.Cmd {
	switch do {
	case doUp:
		s.cursor = max(0, s.cursor-1)
	case doDown:
		s.cursor = min(len(s.setups), s.cursor+1)
	case doRetry:
		return s.connect()
	case doAccept:
		if l, on := s.selected(); on {
			return s.resume(l.Name)
		}
		return s.start()
	}
	return nil
}

func (s *welcome) View(w, h int) []string {
	t := s.theme
	var lines []string
	if h > 14 {
		lines = append(wrap("You choose a Google Cloud project. You get a Kubernetes cluster that runs only container "+
			"images signed with your own key, and the proof of it: an unsigned image is refused before your eyes, the signed one runs.",
			min(w, 76)), "")
	}
	lines = append(lines, pad(t.Dim.Render("where"), 8)+s.place())
	if s.world.Account != "" {
		lines = append(lines, pad(t.Dim.Render("as"), 8)+line(s.world.Account))
	}
	if s.world.State != "" {
		lines = append(lines, pad(t.Dim.Render("state"), 8)+line(s.world.State))
	}
	lines = append(lines, "")
	switch {
	case s.problem != nil:
		lines = append(lines, s.trouble(s.problem, min(w, 90))...)
	case !s.ready:
		lines = append(lines, t.Accent.Render("●")+" "+s.doing+" …")
	default:
		lines = append(lines, s.menu(h-len(lines))...)
	}
	return lines
}

func (s *welcome) place() string {
	if s.world.Sandbox {
		return "sandbox: a Google Cloud on this machine, made of real parts; costs nothing"
	}
	what := "Google Cloud: real resources, billed to your project"
	if c, ok := s.backend.Cost(state.Defaults()); ok {
		what += fmt.Sprintf(" (about $%.2f an hour)", c.Hourly)
	}
	return what
}

// menu is the part of the choices around the cursor that fits in h lines.
func (s *welcome) menu(h int) []string {
	t := s.theme
	var lines []string
	for i := range len(s.setups) + 1 {
		at := *s
		at.cursor = i
		label := t.Strong.Render("a new setup")
		if l, on := at.selected(); on {
			label = s.describe(l)
		}
		lines = append(lines, pointer(t, i == s.cursor)+label)
	}
	h = max(h, 1)
	top := max(0, min(s.cursor-h/2, len(lines)-h))
	return lines[top:min(len(lines), top+h)]
}

func (s *welcome) describe(l state.Listed) string {
	t := s.theme
	switch {
	case l.Err != nil:
		return line(l.Name) + "  " + t.Risk.Render("✗ "+line(asProblem(l.Err).What))
	case l.Record.Finished.IsZero():
		return "go on with " + t.Strong.Render(line(l.Name)) + t.Dim.Render(fmt.Sprintf("  %s · unfinished, begun %s ago",
			line(l.Record.Answers.Project), ago(s.now().Sub(l.Record.Created))))
	}
	return "look at " + t.Strong.Render(line(l.Name)) + t.Dim.Render(fmt.Sprintf("  %s · finished %s ago",
		line(l.Record.Answers.Project), ago(s.now().Sub(l.Record.Finished))))
}

// ago is how long ago something was, as one would say it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "a moment"
	case d < 2*time.Hour:
		return plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour")
	}
	return plural(int(d.Hours()/24), "day")
}
