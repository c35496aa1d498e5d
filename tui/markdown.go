package tui

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// renderMarkdown draws the Markdown that lessons are written in: paragraphs,
// headings, lists, code, emphasis. It draws nothing else, and loses no text.
func renderMarkdown(t theme, source string, w int) []string {
	src := []byte(source)
	doc := goldmark.DefaultParser().Parse(text.NewReader(src))
	d := markdown{theme: t, src: src, w: max(w, 10)}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		d.block(n, "")
	}
	return d.lines
}

// page is a text at a width.
type page struct {
	source string
	w      int
}

// drawn is renderMarkdown, done once for each page that is looked at.
func (a *app) drawn(source string, w int) []string {
	at := page{source, w}
	lines, ok := a.pages[at]
	if !ok {
		if a.pages == nil || len(a.pages) > 100 { // many widths were tried
			a.pages = map[page][]string{}
		}
		lines = renderMarkdown(a.theme, source, w)
		a.pages[at] = lines
	}
	return lines
}

type markdown struct {
	theme theme
	src   []byte
	w     int
	lines []string
}

// block draws one block, with a blank line before it.
func (d *markdown) block(n ast.Node, prefix string) {
	switch n.Kind() {
	case ast.KindHeading:
		d.gap()
		d.lines = append(d.lines, fit(d.theme.Strong.Render(plain(n, d.src)), d.w))
	case ast.KindFencedCodeBlock, ast.KindCodeBlock:
		d.gap()
		for i := range n.Lines().Len() {
			at := n.Lines().At(i)
			d.lines = append(d.lines, typed(d.theme, []string{strings.TrimRight(string(at.Value(d.src)), "\n")}, d.w)...)
		}
	case ast.KindList:
		d.gap()
		for it := n.FirstChild(); it != nil; it = it.NextSibling() {
			d.lines = append(d.lines, indentFirst(prefix+"· ", prefix+"  ", wrapSpans(spans(d.theme, it, d.src), d.w-2-len(prefix)))...)
		}
	default:
		d.gap()
		for _, l := range wrapSpans(spans(d.theme, n, d.src), d.w-len(prefix)) {
			d.lines = append(d.lines, prefix+l)
		}
	}
}

func (d *markdown) gap() {
	if len(d.lines) > 0 {
		d.lines = append(d.lines, "")
	}
}

// plain is a node's text without styles.
func plain(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, in bool) (ast.WalkStatus, error) {
		if leaf, ok := n.(*ast.Text); ok && in {
			b.Write(leaf.Segment.Value(src))
			if leaf.SoftLineBreak() || leaf.HardLineBreak() {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// span is a word with its style; glued ones have no space before them.
type span struct {
	text  string
	style func(...string) string
	glued bool
}

// spans cuts a block's text into words, each with the style of what it is in.
func spans(t theme, n ast.Node, src []byte) []span {
	var out []span
	glue := false
	_ = ast.Walk(n, func(n ast.Node, in bool) (ast.WalkStatus, error) {
		leaf, ok := n.(*ast.Text)
		if !ok || !in {
			return ast.WalkContinue, nil
		}
		value := string(leaf.Segment.Value(src))
		style := spanStyle(t, n)
		for i, word := range strings.Split(value, " ") {
			if i > 0 {
				glue = false
			}
			if word != "" {
				out = append(out, span{word, style, glue})
				glue = true
			}
		}
		if leaf.SoftLineBreak() || leaf.HardLineBreak() {
			glue = false
		}
		return ast.WalkContinue, nil
	})
	return out
}

func spanStyle(t theme, n ast.Node) func(...string) string {
	switch n.Parent().(type) {
	case *ast.CodeSpan, *ast.Link:
		return t.Code.Render
	case *ast.Emphasis:
		return t.Strong.Render
	}
	return nil
}

// wrapSpans lays words out in lines of w columns.
func wrapSpans(words []span, w int) []string {
	var lines []string
	var b strings.Builder
	used := 0
	for i := 0; i < len(words); {
		end, wide := i+1, width(words[i].text)
		for end < len(words) && words[end].glued {
			wide += width(words[end].text)
			end++
		}
		switch {
		case used > 0 && used+1+wide > w:
			lines = append(lines, b.String())
			b.Reset()
			used = 0
		case used > 0:
			b.WriteByte(' ')
			used++
		}
		for ; i < end; i++ {
			text := words[i].text
			if words[i].style != nil {
				text = words[i].style(text)
			}
			b.WriteString(text)
		}
		used += wide
	}
	if used > 0 {
		lines = append(lines, b.String())
	}
	for i := range lines {
		lines[i] = fit(lines[i], w)
	}
	return lines
}
