package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
)

// logLimit is how many lines are kept; the oldest go first.
const logLimit = 10_000

// logLine is one line of the log.
type logLine struct {
	time time.Time
	step string
	text string
	risk bool
	call string // of a call to a service: what was called, and the answer
	more int    // how often it was called again since
}

// logBook keeps the last lines of a run, and which of them a search finds.
type logBook struct {
	lines []logLine // a ring once it is full
	first int       // of the ring: the oldest line
	total int       // lines ever added
	query string
	step  string // only this step's lines; "" is all
	hits  []int  // numbers (by total) of the lines that match, oldest first
	came  int    // lines ever added that the search of their time found
}

// add notes an event in words. Progress is noted when its stage changes.
func (b *logBook) add(at time.Time, ev engine.Event) {
	l := logLine{time: at, step: line(ev.Step), text: line(ev.Text)}
	switch ev.Type {
	case engine.TypeStep:
		l.text = strings.TrimSpace(string(ev.Status) + " " + l.text)
		if ev.Seconds > 0 {
			l.text += " (" + seconds(ev.Seconds) + ")"
		}
		if ev.Problem != nil {
			l.text, l.risk = "failed: "+line(ev.Problem.What), true
		}
	case engine.TypeProgress:
		if ev.Progress != nil && l.text == "" {
			l.text = line(ev.Progress.Stage)
		}
		if l.text == "" || b.repeats(l) {
			return
		}
	case engine.TypeVerdict:
		l.text, l.risk = fmt.Sprintf("%s: %s", line(ev.Verdict.Case), line(ev.Verdict.Actual)), !ev.Verdict.OK
	case engine.TypeCall:
		l.call, _, _ = cutLast(l.text, " ")
		if b.again(l) {
			return
		}
	case engine.TypePlan, engine.TypeSummary, typeWaiting:
		return
	}
	if l.text == "" {
		return
	}
	b.put(l)
}

// again counts a call that is the same as the step's last line: it asks whether
// something is done yet.
func (b *logBook) again(l logLine) bool {
	for n := b.total - 1; n >= max(b.oldest(), b.total-16); n-- {
		if had := &b.lines[(b.first+n-b.oldest())%len(b.lines)]; had.step == l.step {
			if had.call != l.call {
				return false
			}
			had.time, had.text, had.more = l.time, l.text, had.more+1
			return true
		}
	}
	return false
}

// cutLast cuts s at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// repeats reports whether the last few lines say the same of the same step.
func (b *logBook) repeats(l logLine) bool {
	for n := b.total - 1; n >= max(b.oldest(), b.total-16); n-- {
		if got := b.at(n); got.step == l.step {
			return got.text == l.text
		}
	}
	return false
}

func (b *logBook) put(l logLine) {
	if len(b.lines) < logLimit {
		b.lines = append(b.lines, l)
	} else {
		b.lines[b.first] = l
		b.first = (b.first + 1) % logLimit
	}
	if b.matches(l) {
		b.hits = append(b.hits, b.total)
		b.came++
	}
	b.total++
	for len(b.hits) > 0 && b.hits[0] < b.oldest() {
		b.hits = b.hits[1:]
	}
}

// oldest is the number of the oldest line kept.
func (b *logBook) oldest() int { return b.total - len(b.lines) }

// at gives line number n, which must be kept.
func (b *logBook) at(n int) logLine {
	return b.lines[(b.first+n-b.oldest())%len(b.lines)]
}

func (b *logBook) matches(l logLine) bool {
	if b.step != "" && l.step != b.step {
		return false
	}
	return b.query == "" || strings.Contains(strings.ToLower(l.text+" "+l.step), b.query)
}

// search keeps to the lines of one step ("" for all) that contain query.
func (b *logBook) search(step, query string) {
	b.step, b.query, b.hits = step, strings.ToLower(query), nil
	for n := b.oldest(); n < b.total; n++ {
		if b.matches(b.at(n)) {
			b.hits = append(b.hits, n)
		}
	}
}

// found is how many lines the search finds.
func (b *logBook) found() int { return len(b.hits) }

// window gives up to n found lines that end skip lines before the newest.
func (b *logBook) window(n, skip int) []logLine {
	end := max(0, len(b.hits)-skip)
	start := max(0, end-n)
	out := make([]logLine, 0, end-start)
	for _, hit := range b.hits[start:end] {
		out = append(out, b.at(hit))
	}
	return out
}

// of gives the last n lines of a step, whatever the search.
func (b *logBook) of(step string, n int) []logLine {
	var out []logLine
	for i := b.total - 1; i >= b.oldest() && len(out) < n; i-- {
		if l := b.at(i); l.step == step {
			out = append(out, l)
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// draw is a log line of w columns.
func (l logLine) draw(t theme, w int) string { return l.with(t, pad(l.step, 11)+" ", w) }

// brief is the line where its step is known.
func (l logLine) brief(t theme, w int) string { return l.with(t, "", w) }

func (l logLine) with(t theme, step string, w int) string {
	text := l.text
	if l.more > 0 {
		text += fmt.Sprintf(" (%d times)", l.more+1)
	}
	if l.risk {
		text = t.Risk.Render("✗") + " " + text
	}
	return fit(t.Dim.Render(l.time.Format("15:04:05"))+" "+step+text, w)
}
