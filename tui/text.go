package tui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Terminals measure text in one of two ways: by code point (wcwidth) or by
// grapheme. We do not know which one we are on without asking, so a string is as
// wide as the wider of the two says: nothing we draw can then be too wide.
func width(s string) int {
	if n, plain := plainWidth(s); plain {
		return n
	}
	return max(ansi.StringWidth(s), ansi.StringWidthWc(s))
}

// plainWidth measures text of characters that are one column wide by any measure,
// and of styles, which are none: nearly all there is. plain is false for any other.
func plainWidth(s string) (n int, plain bool) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= 0x20 && c <= 0x7e:
			n++
			i++
		case c == '\x1b':
			end := sgr(s[i:])
			if end == 0 {
				return 0, false
			}
			i += end
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !narrow(r) {
				return 0, false
			}
			n++
			i += size
		}
	}
	return n, true
}

// sgr is the length of the style that s begins with, 0 if it is none.
func sgr(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// narrow reports whether r takes one column everywhere and joins with nothing:
// letters of Latin scripts, and the signs that the screens are drawn with.
func narrow(r rune) bool {
	switch {
	case r >= 0xc0 && r <= 0x24f, r >= 0x2500 && r <= 0x25ff:
		return r != 0x25fd && r != 0x25fe // two squares that some draw wide
	}
	return strings.ContainsRune("·×–—‘’“”…›‹←↑→↓✓✗", r)
}

// ascii reports whether s is printable ASCII alone, whose width is its length.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// fit cuts s to at most w columns and shows by … that it did. s may hold styles.
func fit(s string, w int) string {
	switch {
	case w <= 0:
		return ""
	case len(s) <= w, width(s) <= w:
		return s
	}
	cut := s
	for n := w; width(cut) > w; n-- { // cutting by one measure may leave it too wide by the other
		cut = ansi.TruncateWc(ansi.Truncate(s, n, "…"), n, "…")
	}
	return cut
}

// pad makes s exactly w columns wide.
func pad(s string, w int) string {
	s = fit(s, w)
	return s + spaces(w-width(s))
}

// spaces gives n of them; none for a negative n.
func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }

// hung is a text that hangs in its ink behind a label: so many columns in, on each of its lines.
func hung(label string, indent int, text string, in ink, w int) []string {
	lines := wrap(text, max(10, w-indent))
	for i, l := range lines {
		lines[i] = pad(label, indent) + in.Render(l)
		label = ""
	}
	return lines
}

// wrap breaks plain text into lines of at most w columns, at spaces where it can.
func wrap(s string, w int) []string {
	w = max(w, 1)
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if len(line) <= w {
			lines = append(lines, line)
			continue
		}
		var b strings.Builder
		used := 0
		for word := range strings.SplitSeq(line, " ") {
			wide := width(word)
			if used > 0 && used+1+wide > w {
				lines = append(lines, b.String())
				b.Reset()
				used = 0
			}
			for wide > w { // a word wider than a line is cut
				head := ansi.TruncateWc(word, w, "")
				if head == "" {
					break
				}
				lines = append(lines, head)
				word = word[len(head):]
				wide = width(word)
			}
			if used > 0 {
				b.WriteByte(' ')
				used++
			}
			b.WriteString(word)
			used += wide
		}
		lines = append(lines, b.String())
	}
	return lines
}

// indent puts prefix before each line.
func indent(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = prefix + l
	}
	return out
}

// indentFirst puts one prefix before the first line and another before the others.
func indentFirst(first, others string, lines []string) []string {
	out := indent(others, lines)
	if len(out) > 0 {
		out[0] = first + lines[0]
	}
	return out
}

// clean is the wizard's door for text that others wrote: escape sequences go, so
// do control characters and the marks that reorder or join what is next to them
// (a project could be named to look like another one). New lines stay.
func clean(s string) string {
	if ascii(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r),
			r == unicode.ReplacementChar, r == '\u2028', r == '\u2029', r >= 0x1f3fb && r <= 0x1f3ff:
			return -1
		}
		return r
	}, ansi.Strip(s))
}

// line is clean on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// row puts left and right at the two ends of w columns; left gives way.
func row(left, right string, w int) string {
	if right == "" {
		return pad(left, w)
	}
	right = fit(right, w-1)
	return pad(left, w-1-width(right)) + " " + right
}

// clock is a duration as a stopwatch shows it.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// seconds is how long something took: "0.4s", "12.3s", "4m02s".
func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1fs", s)
	}
	return fmt.Sprintf("%dm%02ds", int(s)/60, int(s)%60)
}

// about is a duration as a forecast: "about 5 min", "a few seconds".
func about(d time.Duration) string {
	text := roughly(d)
	if text[0] < '0' || text[0] > '9' {
		return text
	}
	return "about " + text
}

// roughly is a duration as one would say it.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "a few seconds"
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds())/10*10)
	}
	return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
}

// size is a number of bytes as one would say it.
func size(n int64) string {
	const k = 1024
	switch {
	case n < k:
		return fmt.Sprintf("%d B", n)
	case n < k*k:
		return fmt.Sprintf("%d KiB", n/k)
	case n < k*k*k:
		return fmt.Sprintf("%.1f MiB", float64(n)/(k*k))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(k*k*k))
}

// sizeOf is a part of a number of bytes, both in the unit of the whole.
func sizeOf(done, total int64) string {
	whole := size(total)
	number, unit, _ := strings.Cut(whole, " ")
	k := map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
	switch {
	case k == 0:
		return fmt.Sprintf("%d of %s", done, whole)
	case strings.Contains(number, "."):
		return fmt.Sprintf("%.1f of %s", float64(done)/k, whole)
	}
	return fmt.Sprintf("%.0f of %s", float64(done)/k, whole)
}

// plural is "1 step", "2 steps".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
