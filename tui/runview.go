package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
)

// Widths from which there is room for a second and a third pane, and how wide
// the list of steps is beside them.
const (
	twoPanes   = 100
	threePanes = 160
	listWidth  = 54
)

// runView is the run as it goes on: the steps, and the one that is looked at (the
// one that runs, until the person picks another): lesson, commands, log.
type runView struct {
	*app
	cursor  int
	picked  bool // the person chose the step; until then it follows the run
	open    bool // the step has the whole screen
	log     bool // the log is shown instead
	finding bool // typing a search
	query   string
	skip    int // lines between the log's end and the last one shown, when one moved last
	mark    int // how many had come by then
	scroll  int // of the step's page
}

func newRunView(a *app) *runView { return &runView{app: a} }

func (s *runView) Init() tea.Cmd { return nil }

func (s *runView) typing() bool { return s.finding }

func (s *runView) Keys() []binding {
	k := s.keys
	switch {
	case s.finding:
		return []binding{k.Accept.says("find"), k.Back.says("all lines")}
	case s.log:
		back := k.Back.says("steps")
		if s.query != "" {
			back.Words = "all lines"
		}
		return []binding{k.Search, k.Up, k.Down.says("scroll"), k.PageUp, k.PageDown, k.Bottom, back, quiet(k.Log.says("steps"))}
	}
	keys := s.verbs()
	enter := k.Accept.says("open")
	switch {
	case s.begins():
		enter = k.Accept.says("begin it").confirms()
	case s.open:
		enter.Words = "list"
	}
	if s.alone() {
		keys = append(keys, quiet(k.PageDown), k.PageUp, k.Back.says("list"))
	}
	if s.begins() {
		keys = append([]binding{enter}, keys...)
	} else {
		keys = append(keys, k.Up, k.Down.says("step"), enter)
	}
	keys = append(keys, k.Log, k.Copy)
	if s.run.active() && !s.run.undo {
		pause := k.Pause
		if s.run.pausing {
			pause.Off = "already waiting for what runs to end"
		}
		keys = append(keys, pause, s.modeKey())
	}
	if s.begins() {
		keys = append(keys, k.Up, k.Down.says("step"))
	}
	return s.unfolds(keys, s.run.cause())
}

// modeKey turns between learning and running by itself.
func (a *app) modeKey() binding {
	if a.learn {
		return a.keys.Mode.says("run by itself")
	}
	return a.keys.Mode
}

// begins says whether enter lets a step begin: it waits, and is looked at.
func (s *runView) begins() bool {
	next := s.run.next()
	return next >= 0 && next == s.at()
}

// alone says whether the step that is looked at has the whole screen: because it
// was opened, or because it waits to be read and there is no room beside the list.
func (s *runView) alone() bool {
	return s.open || s.w < twoPanes && s.begins() && !s.picked
}

// verbs are what can be done about a run that has failed or ended.
func (s *runView) verbs() []binding {
	k, r := s.keys, s.run
	change := k.Change
	if label := s.culprit(); label != "" {
		change.Words = "change " + label
	}
	if r.active() {
		if r.count(engine.Failed) == 0 {
			return nil
		}
		wait := "other steps are still running"
		return []binding{k.Retry.off(wait), change.off(wait)}
	}
	again := k.Retry.confirms()
	if r.stopped() {
		again.Words = "go on"
	}
	if r.undo {
		return []binding{again}
	}
	verbs := []binding{again, change}
	if r.count(engine.Failed) > 0 {
		verbs = append(verbs, k.Skip.off(r.essential()))
	}
	return append(verbs, k.Destroy)
}

func (s *runView) Press(do action) tea.Cmd {
	switch do {
	case doRetry:
		if s.run.undo {
			return s.destroyIt()
		}
		return s.retry()
	case doChange:
		return s.changeCause()
	case doSkip:
		return s.toSummary()
	case doDestroy:
		return s.toDestroy(s.toRun)
	case doPause:
		return s.pause()
	case doMode:
		return s.teach(!s.learn)
	case doLog:
		s.log, s.skip = !s.log, 0
		s.search("")
	case doSearch:
		s.finding = true
	case doCopy:
		return s.copy(strings.Join(s.session.Commands(s.run.steps[s.at()].ID), "\n"), "command")
	case doAccept:
		return s.accept()
	case doBack:
		s.back()
	default:
		s.move(do)
	}
	return nil
}

// accept ends a search, lets a step begin, or opens and closes the one looked at.
func (s *runView) accept() tea.Cmd {
	switch {
	case s.finding:
		s.finding = false
	case s.begins():
		s.picked, s.open, s.scroll = false, false, 0
		return s.begin(s.run.next())
	default:
		s.open, s.scroll = !s.open, 0
	}
	return nil
}

// back leaves the search, the log or the step's page, whichever is on top.
func (s *runView) back() {
	switch {
	case s.finding, s.log && s.query != "":
		s.finding = false
		s.search("")
	case s.log:
		s.log = false
	default:
		s.cursor, s.picked = s.at(), true
		s.open = false
	}
}

// move goes up and down in the log, in the step's page, or in the list.
func (s *runView) move(do action) {
	by := map[action]int{doUp: -1, doDown: 1, doPageUp: -10, doPageDown: 10}[do]
	switch {
	case s.log && do == doBottom:
		s.skip = 0
	case s.log:
		s.skip = max(0, min(s.below()-by, s.run.log.found()-1))
		s.mark = s.run.log.came
	case do == doPageUp, do == doPageDown:
		s.scroll = max(0, s.scroll+by)
	default:
		s.cursor = max(0, min(s.at()+by, len(s.run.steps)-1))
		s.picked, s.scroll = true, 0
	}
}

// below is how many lines of the log lie under the last one shown: none where it
// follows the end; else what is read stays where it is while more lines come.
func (s *runView) below() int {
	if s.skip == 0 {
		return 0
	}
	return max(0, min(s.skip+s.run.log.came-s.mark, s.run.log.found()-1))
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

// at is the step that is looked at: the picked one, else one that waits to be
// read, else a failed one, else the last that runs, else the last that ended.
func (s *runView) at() int {
	if s.picked {
		return min(s.cursor, len(s.run.steps)-1) // a watched run may begin anew with fewer
	}
	if next := s.run.next(); next >= 0 {
		return next
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
	case s.alone():
		return s.page(w, h)
	case w+2 >= threePanes:
		middle := (w - listWidth) / 2
		return beside(s.list(listWidth-2, h), s.about3(middle-3, h), s.byHand(w-listWidth-middle, h), listWidth, middle, h)
	case w+2 >= twoPanes:
		return beside(s.list(listWidth-2, h), s.pane(w-listWidth, h), nil, listWidth, w-listWidth, h)
	}
	return s.list(w, h)
}
