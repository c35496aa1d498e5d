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
	halves  map[string]bool // removals that were cut off, by name
	cursor  int
	stands  map[string]standing // of finished setups, by name
	looking context.CancelFunc  // ends the look at what is there
	looked  chan struct{}       // closed when it has ended
}

// standing is how a finished setup is found, or why it could not be looked at.
type standing struct {
	Standing
	problem *problem.Problem
}

// Answers of welcome's commands.
type (
	connecting struct{ note string }
	connected  struct {
		world  World
		setups []state.Listed
		halves map[string]bool
		err    error
	}
	looked struct {
		name string
		standing
		rest []string // still to be looked at
	}
)

func newWelcome(a *app) *welcome { return &welcome{app: a, stands: map[string]standing{}} }

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
		return connected{world, setups, halves(s.backend, setups), err}
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
			s.world, s.setups, s.halves, s.cursor = msg.world, sorted(msg.setups), msg.halves, 0
			return s.look(s.finished())
		}
	case looked:
		s.stands[msg.name] = msg.standing
		return s.look(msg.rest)
	}
	return nil
}

// halves are the setups whose removal was cut off, by name.
func halves(b Backend, all []state.Listed) map[string]bool {
	half := map[string]bool{}
	for _, l := range all {
		half[l.Name] = l.Err == nil && l.Record.Finished.IsZero() && b.Removing(l.Name)
	}
	return half
}

// finished names the setups that are done.
func (s *welcome) finished() []string {
	var all []string
	for _, l := range s.setups {
		if l.Err == nil && !l.Record.Finished.IsZero() {
			all = append(all, l.Name)
		}
	}
	return all
}

// look compares finished setups with what is there, one after the other, while the
// person reads. It is ended before a setup is opened: only one can hold it.
func (s *welcome) look(names []string) tea.Cmd {
	checker, ok := s.backend.(Checker)
	if !ok || len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	s.looking, s.looked = cancel, ended
	return s.do(func(context.Context) tea.Msg {
		defer close(ended)
		defer cancel()
		found, err := checker.Standing(ctx, names[0])
		return looked{names[0], standing{found, asProblem(err)}, names[1:]}
	})
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
		if s.looking != nil {
			s.looking()
		}
		l, on := s.selected()
		if s.half = s.halves[l.Name]; on {
			return s.resume(l.Name, s.looked)
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
	lines = append(lines, pad(t.Dim.Render("where"), 8)+fit(s.place(), w-8))
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
		lines = append(lines, s.menu(w, h-len(lines))...)
	}
	return lines
}

// place is where it is made, and what it costs there.
func (s *welcome) place() string {
	if s.world.Sandbox {
		return "a Google Cloud made of real parts on this machine; costs nothing"
	}
	what := "real resources, billed to your project"
	if c, ok := s.backend.Cost(state.Defaults()); ok {
		what += fmt.Sprintf(": about $%.2f an hour", c.Hourly)
	}
	return what
}

// menu is the part of the choices around the cursor that fits in h lines.
func (s *welcome) menu(w, h int) []string {
	t := s.theme
	var lines []string
	here := 0
	for i := range len(s.setups) + 1 {
		at := *s
		at.cursor = i
		if i == s.cursor {
			here = len(lines)
		}
		l, on := at.selected()
		if !on {
			lines = append(lines, pointer(t, i == s.cursor)+t.Strong.Render("a new setup"))
			continue
		}
		lines = append(lines, fit(pointer(t, i == s.cursor)+s.describe(l), w))
		if st := s.stands[l.Name]; st.problem == nil && st.Text != "" && !st.OK {
			lines = append(lines, indentFirst("    "+t.Risk.Render("✗")+" ", "      ", wrap(line(st.Text), w-6))...)
		}
	}
	h = max(h, 1)
	top := max(0, min(here-h/2, len(lines)-h))
	return lines[top:min(len(lines), top+h)]
}

func (s *welcome) describe(l state.Listed) string {
	t := s.theme
	switch {
	case l.Err != nil:
		return line(l.Name) + "  " + t.Risk.Render("✗ "+line(asProblem(l.Err).What))
	case s.halves[l.Name]:
		return "go on removing " + t.Strong.Render(line(l.Name)) + t.Dim.Render("  removal unfinished, begun "+ago(s.now().Sub(l.Record.Created))+" ago")
	case l.Record.Finished.IsZero():
		return "go on with " + t.Strong.Render(line(l.Name)) + t.Dim.Render("  unfinished, begun "+ago(s.now().Sub(l.Record.Created))+" ago")
	}
	return "look at " + t.Strong.Render(line(l.Name)) + t.Dim.Render("  finished "+ago(s.now().Sub(l.Record.Finished))+" ago") + s.found(l.Name)
}

// found says how a finished setup stands, as far as it has been looked at.
func (s *welcome) found(name string) string {
	t := s.theme
	st, ok := s.stands[name]
	if _, can := s.backend.(Checker); !can {
		return ""
	}
	switch {
	case !ok:
		return t.Dim.Render("  looking …")
	case st.problem != nil:
		return "  " + t.Warn.Render("?") + " " + line(st.problem.What)
	case !st.OK:
		return ""
	}
	return "  " + t.Good.Render("✓") + " as it was left"
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
