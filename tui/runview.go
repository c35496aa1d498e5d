package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
)

// Widths from which there is room for a second and a third pane.
const (
	twoPanes   = 100
	threePanes = 160
)

// runView is the run as it goes on: the steps, and the one that is looked at (the
// one that runs, until the person picks another): lesson, commands, log.
type runView struct {
	*app
	cursor  int
	picked  bool // the person chose the step; until then it follows the run
	open    bool // one pane: the step is shown instead of the list
	log     bool // the log is shown instead
	finding bool // typing a search
	query   string
	skip    int // lines between the log's end and the last one shown
	scroll  int // of the step's page
}

func newRunView(a *app) *runView { return &runView{app: a} }

func (s *runView) Init() tea.Cmd { return nil }

func (s *runView) typing() bool { return s.finding }

func (s *runView) Keys() []binding {
	k, r := s.keys, s.run
	if s.finding {
		return []binding{k.Accept.says("find"), k.Back.says("all lines")}
	}
	if s.log {
		back := k.Back.says("steps")
		if s.query != "" {
			back.Words = "all lines"
		}
		return []binding{k.Search, k.Up, k.Down.says("scroll"), k.PageUp, k.PageDown, k.Bottom, back, quiet(k.Log.says("steps"))}
	}
	keys := s.verbs()
	open := k.Accept.says("open")
	if s.open {
		open.Words = "list"
		keys = append(keys, k.PageDown, k.PageUp)
	}
	keys = append(keys, k.Up, k.Down.says("step"), open, k.Log, k.Copy)
	if r.active() && !r.undo {
		pause := k.Pause
		if r.pausing {
			pause.Off = "already waiting for what runs to end"
		}
		keys = append(keys, pause)
	}
	return keys
}

// verbs are what can be done about a run that has ended.
func (s *runView) verbs() []binding {
	k, r := s.keys, s.run
	if r.active() {
		wait := "other steps are still running"
		if r.count(engine.Failed) == 0 {
			return nil
		}
		return []binding{k.Retry.off(wait), k.Change.off(wait)}
	}
	again := k.Retry.confirms()
	if r.stopped() {
		again.Words = "go on"
	}
	if r.undo {
		return []binding{again}
	}
	return []binding{again, k.Change, k.Destroy}
}

func (s *runView) Press(do action) tea.Cmd {
	switch do {
	case doRetry:
		if s.run.undo {
			return s.destroyIt()
		}
		return s.retry()
	case doChange:
		return s.change()
	case doDestroy:
		return s.show(newDestroy(s.app, func() tea.Cmd { return s.show(newRunView(s.app)) }))
	case doPause:
		return s.pause()
	case doLog:
		s.log, s.skip = !s.log, 0
		s.search("")
	case doSearch:
		s.finding = true
	case doCopy:
		return s.copy(strings.Join(s.session.Commands(s.run.steps[s.at()].ID), "\n"), "command")
	case doAccept:
		if s.finding {
			s.finding = false
		} else {
			s.open, s.scroll = !s.open, 0
		}
	case doBack:
		if s.finding || s.query != "" {
			s.finding = false
			s.search("")
		} else {
			s.log = false
		}
	default:
		s.move(do)
	}
	return nil
}

// move goes up and down in the log, in the step's page, or in the list.
func (s *runView) move(do action) {
	by := map[action]int{doUp: -1, doDown: 1, doPageUp: -10, doPageDown: 10}[do]
	switch {
	case s.log && do == doBottom:
		s.skip = 0
	case s.log:
		s.skip = max(0, min(s.skip-by, s.run.log.found()-1))
	case do == doPageUp, do == doPageDown:
		s.scroll = max(0, s.scroll+by)
	default:
		s.cursor = max(0, min(s.at()+by, len(s.run.steps)-1))
		s.picked, s.scroll = true, 0
	}
}

// search narrows the log.
func (s *runView) search(query string) {
	s.query, s.skip = query, 0
	s.run.log.search("", query)
}

func (s *runView) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			s.move(doUp)
		} else {
			s.move(doDown)
		}
	case tea.KeyPressMsg:
		if !s.finding {
			return nil
		}
		switch {
		case msg.Code == tea.KeyBackspace && s.query != "":
			q := []rune(s.query)
			s.search(string(q[:len(q)-1]))
		case len(s.query) < 300:
			s.search(s.query + letters(msg))
		}
	case tea.PasteMsg:
		if s.finding {
			s.search(s.query + line(msg.Content[:min(len(msg.Content), 300)]))
		}
	}
	return nil
}

// at is the step that is looked at: the picked one, else a failed one, else the
// last that runs, else the last that ended.
func (s *runView) at() int {
	if s.picked {
		return min(s.cursor, len(s.run.steps)-1) // a watched run may begin anew with fewer
	}
	best, rank := 0, -1
	for i, st := range s.run.steps {
		r := map[engine.Status]int{engine.Failed: 3, engine.Started: 2, engine.Done: 1, engine.Undone: 1}[st.status]
		if st.status == engine.Failed && rank == 3 {
			continue // the first failure
		}
		if r >= rank && r > 0 {
			best, rank = i, r
		}
	}
	return best
}

func (s *runView) View(w, h int) []string {
	switch {
	case s.log:
		return s.logPage(w, h)
	case w+2 >= threePanes:
		side := w * 2 / 5
		third := w - 54 - side
		return beside(s.list(52, h), s.page(side-2, h), s.logPane(third-2, h), 54, side, h)
	case w+2 >= twoPanes:
		return beside(s.list(52, h), s.page(w-54, h), nil, 54, w-54, h)
	case s.open:
		return s.page(w, h)
	}
	return s.list(w, h)
}

// beside sets panes side by side.
func beside(left, middle, right []string, leftW, middleW, h int) []string {
	at := func(lines []string, i int) string {
		if i < len(lines) {
			return lines[i]
		}
		return ""
	}
	n := min(h, max(len(left), len(middle), len(right)))
	out := make([]string, n)
	for i := range out {
		out[i] = pad(at(left, i), leftW) + at(middle, i)
		if right != nil {
			out[i] = pad(out[i], leftW+middleW) + at(right, i)
		}
	}
	return out
}

// list is every step, then how the whole stands.
func (s *runView) list(w, h int) []string {
	foot := s.status(w)
	room := max(1, h-len(foot))
	at := s.at()
	top := max(0, min(at-room/2, len(s.run.steps)-room))
	var lines []string
	for i := top; i < min(top+room, len(s.run.steps)); i++ {
		lines = append(lines, s.row(i, i == at, w))
	}
	return append(lines, foot...)
}

// row is one step: sign, title, what it made or is doing, and how long.
func (s *runView) row(i int, here bool, w int) string {
	t, st := s.theme, &s.run.steps[i]
	m := t.phase(st.status)
	title := line(st.Title)
	if here {
		title = t.Strong.Render(title)
	}
	text, right := st.text, ""
	switch st.status {
	case engine.Started:
		text, right = s.doing(st), clock(s.now().Sub(st.began))
		if part, ok := st.share(); ok {
			right = percent(part)
			if w > 48 {
				right = bar(t, part) + " " + right
			}
		}
	case "":
		text = ""
	default:
		if st.took > 0 {
			right = seconds(st.took)
		}
		if st.status == engine.Failed || st.status == engine.Skipped || text == "" || text == line(st.Title) {
			text = m.Word
		}
	}
	room := w - 24 - width(right)
	return pointer(t, here) + m.String() + " " + pad(title, 18) + " " + pad(text, room) + " " + t.Dim.Render(right)
}

// doing is what a running step says it does, or its stage, or the size of it.
func (s *runView) doing(st *stepRun) string {
	p := st.progress
	switch {
	case p != nil && p.Unit == "bytes" && p.Total > 0:
		return size(p.Done) + " of " + size(p.Total)
	case p != nil && p.Stage != "":
		return stage(p.Stage)
	case st.text != "":
		return st.text
	}
	return "running"
}

// stage makes the services' own word for a stage readable: CLUSTER_DEPLOYING is "deploying".
func stage(s string) string {
	s = line(s)
	if strings.ToUpper(s) != s {
		return s
	}
	s = strings.ToLower(strings.ReplaceAll(s, "_", " "))
	return strings.TrimPrefix(s, "cluster ")
}

// bar is a share as ten cells.
func bar(t theme, part float64) string {
	full := int(part*10 + 0.5)
	return t.Accent.Render(strings.Repeat("█", full)) + t.Dim.Render(strings.Repeat("░", 10-full))
}

func percent(part float64) string { return fmt.Sprintf("%3d%%", int(part*100)) }

// status is how the run stands: what is left, what was asked for, what went wrong.
func (s *runView) status(w int) []string {
	t, r := s.theme, s.run
	lines := []string{""}
	failed := r.count(engine.Failed)
	switch {
	case r.active() && (s.leaving || r.pausing):
		lines = append(lines, t.Warn.Render("stopping")+": nothing new starts; waiting for "+plural(r.count(engine.Started), "step")+" to end")
		if s.leaving {
			lines = append(lines, t.Dim.Render("q again leaves at once; either way the setup can be resumed"))
		}
	case r.active():
		lines = append(lines, t.Dim.Render(s.left()))
	case r.stopped() && s.watched != nil:
		lines = append(lines, "the other signgate has let go of it: r opens it here")
	case r.stopped():
		lines = append(lines, t.Warn.Render("paused")+": r goes on, q leaves; later: "+t.Code.Render(s.session.Resume()))
	}
	if failed == 0 && (r.active() || r.stopped() || r.err == nil) {
		return lines
	}
	if p := r.cause(); p != nil {
		lines = append(lines, s.trouble(p, w)...)
	}
	return lines
}

// left is how much there is still to do, in time where the backend knows.
func (s *runView) left() string {
	r := s.run
	n := len(r.steps) - r.count(engine.Done, engine.Reused, engine.Undone, engine.Failed, engine.Skipped)
	text := plural(n, "step") + " to go"
	est, ok := s.session.(Estimator)
	if !ok {
		return text
	}
	if d := remaining(r, est, s.now()); d > 0 {
		text += ", about " + roughly(d)
	}
	return text
}

// remaining is the longest chain of estimates that is still ahead.
func remaining(r *run, est Estimator, now time.Time) time.Duration {
	ends := map[string]time.Duration{}
	var last time.Duration
	for i := range r.steps {
		st := &r.steps[i]
		var begin, own time.Duration
		for _, need := range st.Needs {
			begin = max(begin, ends[need])
		}
		switch st.status {
		case "":
			own = est.Estimate(st.ID)
		case engine.Started:
			own = max(0, est.Estimate(st.ID)-now.Sub(st.began))
		}
		ends[st.ID] = begin + own
		last = max(last, ends[st.ID])
	}
	return last
}
