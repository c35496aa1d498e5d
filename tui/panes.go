package tui

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

// section is a part of a pane: lines under a title. Where there is too little
// room, sections give way in their order, each down to its least.
type section struct {
	title string
	lines []string
	least int
	tail  bool // its end is what matters: it gives way at the top
}

// stack sets sections below each other in at most h lines, with a blank line
// between them. What was cut off is shown by ….
func stack(t theme, w, h int, all ...section) []string {
	var some []section
	need := -1
	for _, s := range all {
		if len(s.lines) > 0 {
			some = append(some, s)
			need += s.height() + 1
		}
	}
	for i := range some {
		if need <= h {
			break
		}
		s := &some[i]
		gone := min(need-h, len(s.lines)-min(s.least, len(s.lines)))
		need -= gone
		s.give(t, w, gone)
	}
	var lines []string
	for i, s := range some {
		if i > 0 {
			lines = append(lines, "")
		}
		if s.title != "" {
			lines = append(lines, t.Dim.Render(s.title))
		}
		lines = append(lines, s.lines...)
	}
	return lines[:min(len(lines), max(0, h))]
}

func (s section) height() int {
	if len(s.lines) == 0 {
		return 0
	}
	if s.title != "" {
		return len(s.lines) + 1
	}
	return len(s.lines)
}

// give takes n lines from a section.
func (s *section) give(t theme, w, n int) {
	switch keep := len(s.lines) - n; {
	case n <= 0:
	case s.tail:
		s.lines = s.lines[n:]
	default:
		s.lines = append([]string{}, s.lines[:keep]...)
		if keep > 0 {
			s.lines[keep-1] = fit(s.lines[keep-1], w-2) + t.Dim.Render(" …")
		}
	}
}
