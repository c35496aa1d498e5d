package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
)

// list is every step, then how the whole stands.
func (s *runView) list(w, h int) []string {
	foot := s.status(w)
	if most := max(2, h-min(3, len(s.run.steps))); len(foot) > most {
		foot = foot[:most]
	}
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
	m := st.mark(t)
	title := line(st.Title)
	if here {
		title = t.Strong.Render(title)
	}
	text, right := s.result(st), ""
	switch {
	case st.status == engine.Started:
		text, right = st.doing(), clock(s.now().Sub(st.began))
		if part, ok := st.share(); ok {
			right = percent(part)
			if w > 48 {
				right = bar(t, part) + " " + right
			}
		}
	case st.status == "" && !st.waiting:
		text = ""
	case st.status == engine.Failed, st.status == engine.Skipped, text == "":
		text = m.Word
		fallthrough
	default:
		if st.took > 0 {
			right = seconds(st.took)
		}
	}
	room := w - 24 - width(right)
	return pointer(t, here) + m.String() + " " + pad(title, 18) + " " + pad(text, room) + " " + t.Dim.Render(right)
}

// mark is the sign of a step in a run, with its word.
func (st *stepRun) mark(t theme) mark {
	if st.waiting {
		return mark{"◆", "waits for you", t.Accent}
	}
	return t.phase(st.status)
}

// result is what a step made in a word, or else what it says of it, without what its
// title says already.
func (s *runView) result(st *stepRun) string {
	if st.status == engine.Done || st.status == engine.Reused {
		if text := s.session.Result(st.ID); text != "" {
			return line(text)
		}
	}
	return untitled(line(st.Title), st.text)
}

// untitled takes a title off the begin of a text that repeats it.
func untitled(title, text string) string {
	if len(text) >= len(title) && strings.EqualFold(text[:len(title)], title) {
		return strings.TrimLeft(text[len(title):], " :")
	}
	return text
}

// doing is what a running step says it does, or its stage, or the size of it.
func (st *stepRun) doing() string {
	p := st.progress
	switch {
	case p != nil && p.Unit == "bytes" && p.Total > 0:
		return sizeOf(p.Done, p.Total)
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
	say := func(text string) { lines = append(lines, wrap(text, w)...) }
	switch next := r.next(); {
	case r.active() && (s.leaving || r.pausing):
		lines = append(lines, fit(t.Warn.Render("stopping")+": nothing new starts; waiting for "+plural(r.count(engine.Started), "step")+" to end", w))
		if s.leaving {
			say("q again leaves at once; either way the setup can be resumed")
		}
	case next >= 0:
		lines = append(lines, fit(t.Accent.Render("◆")+" "+line(r.steps[next].Title)+" waits until you have read what it is for", w))
	case r.active():
		lines = append(lines, fit(t.Dim.Render(s.left()), w))
	case r.stopped() && s.watched != nil:
		say("the other signgate has let go of it: r opens it here")
	case r.stopped():
		lines = append(lines, fit(t.Warn.Render("paused")+": r goes on, q leaves; later: "+t.Code.Render(s.session.Resume(r.undo)), w))
	}
	for _, text := range r.warnings {
		lines = append(lines, indentFirst(t.Warn.Render("!")+" ", "  ", wrap(text, w-2))...)
	}
	p := r.cause()
	switch {
	case failed == 0 && (r.active() || r.stopped() || r.err == nil), p == nil:
	case w == listWidth-2: // the pane beside it says the rest
		text := plural(failed, "step") + " failed"
		if n := r.count(engine.Skipped); n > 0 {
			text += fmt.Sprintf(", %d waited for it", n)
		}
		lines = append(lines, fit(t.Risk.Render("✗")+" "+text, w))
	default:
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
	if !ok || r.undo {
		return text
	}
	if d := remaining(r, est, s.now()); d > 0 {
		text += ", " + about(d) + " left"
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
