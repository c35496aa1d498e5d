package tui

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// item is one line of a picker.
type item struct {
	id    string // what is chosen
	label string // what is shown, cleaned
	note  string // dim, behind it
}

// picker is a list with a filter: typing narrows it, the arrows move in it.
// Only the lines on screen are drawn, so its length costs nothing.
type picker struct {
	input  textinput.Model
	all    []item
	hits   []int // of all, those that match the filter
	cursor int   // in hits
	page   int   // lines shown last, for the page keys
}

func newPicker(prompt string) picker {
	p := picker{input: newInput(), page: 10}
	p.input.Placeholder = prompt
	return p
}

// newInput is a text field as all screens use it: no blinking, bounded.
func newInput() textinput.Model {
	in := textinput.New()
	in.Prompt = ""
	in.CharLimit = 300
	in.SetVirtualCursor(true)
	s := in.Styles()
	s.Cursor.Blink = false
	s.Focused.Placeholder, s.Focused.Suggestion = faint(), faint() // the library's own grey is none of the terminal's colours
	in.SetStyles(s)
	in.Focus()
	return in
}

func (p *picker) filter() string { return strings.TrimSpace(p.input.Value()) }

// set replaces the items and keeps the cursor on the item it was on.
func (p *picker) set(items []item) {
	on, had := p.current()
	p.all = items
	p.match()
	if !had {
		return
	}
	for i, hit := range p.hits {
		if p.all[hit].id == on.id {
			p.cursor = i
		}
	}
}

// add appends items.
func (p *picker) add(items ...item) {
	q := strings.ToLower(p.filter())
	for _, it := range items {
		p.all = append(p.all, it)
		if it.matches(q) {
			p.hits = append(p.hits, len(p.all)-1)
		}
	}
}

func (it item) matches(query string) bool {
	return query == "" || strings.Contains(strings.ToLower(it.id+" "+it.label+" "+it.note), query)
}

func (p *picker) match() {
	q := strings.ToLower(p.filter())
	p.hits, p.cursor = p.hits[:0], 0
	for i, it := range p.all {
		if it.matches(q) {
			p.hits = append(p.hits, i)
		}
	}
}

func (p *picker) current() (item, bool) {
	if p.cursor >= len(p.hits) {
		return item{}, false
	}
	return p.all[p.hits[p.cursor]], true
}

// choose puts the cursor on an item.
func (p *picker) choose(id string) {
	for i, hit := range p.hits {
		if p.all[hit].id == id {
			p.cursor = i
		}
	}
}

// move answers the keys that move; it reports whether do was one.
func (p *picker) move(do action) bool {
	switch do {
	case doUp:
		p.cursor--
	case doDown:
		p.cursor++
	case doPageUp:
		p.cursor -= p.page
	case doPageDown:
		p.cursor += p.page
	default:
		return false
	}
	p.cursor = max(0, min(p.cursor, len(p.hits)-1))
	return true
}

// typed takes text; it reports whether the filter changed.
func (p *picker) typed(msg tea.Msg) (changed bool, cmd tea.Cmd) {
	before := p.filter()
	p.input, cmd = typeInto(p.input, msg)
	if p.filter() == before {
		return false, cmd
	}
	p.match()
	return true, cmd
}

// typeInto gives a message to a text field, cleaned, and not more of it than a
// field could hold.
func typeInto(in textinput.Model, msg tea.Msg) (textinput.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.PasteMsg:
		msg = tea.PasteMsg{Content: line(m.Content[:min(len(m.Content), 4096)])}
	case tea.KeyPressMsg:
		if m.Text != "" && letters(m) == "" {
			return in, nil
		}
	}
	return in.Update(msg)
}

// letters is what a key types, "" where it types nothing that a field may hold.
func letters(k tea.KeyPressMsg) string {
	if clean(k.Text) != k.Text || strings.Contains(k.Text, "\n") {
		return ""
	}
	return k.Text
}

// view draws the filter and the part of the list around the cursor.
func (p *picker) view(t theme, w, h int) []string {
	p.input.SetWidth(max(1, w-4))
	lines := []string{t.Accent.Render("›") + " " + p.input.View(), ""}
	p.page = max(1, h-len(lines)-1)
	if len(p.hits) == 0 {
		return lines
	}
	top := max(0, min(p.cursor-p.page/2, len(p.hits)-p.page))
	for i := top; i < min(top+p.page, len(p.hits)); i++ {
		it := p.all[p.hits[i]]
		text := it.label
		if it.note != "" {
			text = pad(text, min(32, w/2)) + " " + t.Dim.Render(it.note)
		}
		lines = append(lines, fit(pointer(t, i == p.cursor)+text, w))
	}
	if len(p.hits) > p.page {
		lines = append(lines, t.Dim.Render(fmt.Sprintf("  %d of %d", p.cursor+1, len(p.hits))))
	}
	return lines
}

// pointer shows where one is, by a sign.
func pointer(t theme, here bool) string {
	if here {
		return t.Accent.Render("▸") + " "
	}
	return "  "
}
