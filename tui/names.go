package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// names is the form: everything that has a default. Enter goes on with what is
// there, so who is in a hurry never sees more of it.
type names struct {
	*app
	fields []field
	draft  state.Answers
	typed  map[string]string // what was typed last, by question
	broken map[string]string
	at     int
	input  textinput.Model
	top    int // first line on screen
	images map[string]*resolution
}

// resolution is what a reference to an image stands for now, found out while one
// goes on typing.
type resolution struct {
	image   string
	digest  string // "" while it is looked up
	problem *problem.Problem
}

// typed out: the image has been left alone for this long, so it is worth a look.
const typedOut = 400 * time.Millisecond

// lookUp asks for an image's digest, if it is still the one in the form.
type lookUp struct{ image string }

func newNames(a *app) *names {
	s := &names{app: a, fields: fields(), draft: a.answers, typed: map[string]string{}, input: newInput(), images: map[string]*resolution{}}
	s.broken = rules(s.draft)
	s.focus(0)
	return s
}

// goTo moves to the question of an answer, if it is one of these.
func (s *names) goTo(path string) {
	if i := slices.IndexFunc(s.fields, func(f field) bool { return f.Key == path }); i >= 0 {
		s.focus(i)
	}
}

func (s *names) typing() bool { return true }

func (s *names) Init() tea.Cmd { return s.resolve() }

// resolve looks up what the image in the form stands for.
func (s *names) resolve() tea.Cmd {
	a := s.draft
	if _, asked := s.images[a.Image]; asked || s.broken["image"] != "" {
		return nil
	}
	s.images[a.Image] = &resolution{image: a.Image}
	return s.do(func(ctx context.Context) tea.Msg {
		digest, err := s.backend.Digest(ctx, a)
		return resolution{a.Image, digest, asProblem(err)}
	})
}

// focus moves to field i.
func (s *names) focus(i int) {
	s.at = max(0, min(i, len(s.fields)-1))
	s.input.SetValue(s.value(s.fields[s.at]))
	s.input.CursorEnd()
}

// value is a field's answer; of one that is no answer (a number with a letter in it) what
// was typed, which stays to be corrected.
func (s *names) value(f field) string {
	if v := f.get(s.draft); v != "" {
		return v
	}
	return s.typed[f.Key]
}

func (s *names) Keys() []binding {
	k := s.keys
	keys := []binding{k.Accept.says("go on"), k.Up, k.Down}
	if s.fields[s.at].options != nil {
		keys = append(keys, k.Left, k.Right)
	}
	return append(keys, k.Back)
}

func (s *names) Press(do action) tea.Cmd {
	switch do {
	case doUp:
		s.focus(s.at - 1)
	case doDown:
		s.focus(s.at + 1)
	case doLeft:
		s.turn(-1)
	case doRight:
		s.turn(1)
	case doBack:
		s.answers = s.draft
		return s.unchanged()
	case doAccept:
		return s.accept()
	}
	return nil
}

// accept goes on, or to the first answer that cannot be.
func (s *names) accept() tea.Cmd {
	if len(s.broken) == 0 {
		return s.choseNames(s.draft)
	}
	for i, f := range s.fields {
		if rule, bad := s.broken[f.Key]; bad {
			s.focus(i)
			s.say("%s must be %s", f.label, rule)
			return nil
		}
	}
	for path, rule := range s.broken { // an answer of an earlier screen
		s.say("%s must be %s", path, rule)
	}
	return nil
}

// turn goes through the options of a choice.
func (s *names) turn(by int) {
	f := s.fields[s.at]
	i := slices.IndexFunc(f.options, func(o option) bool { return o.value == f.get(s.draft) })
	s.put(f.options[(i+by+len(f.options))%len(f.options)].value)
}

func (s *names) put(value string) {
	f := s.fields[s.at]
	f.set(&s.draft, value)
	s.typed[f.Key] = value
	s.broken = rules(s.draft)
}

func (s *names) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case lookUp:
		if msg.image == s.draft.Image {
			return s.resolve()
		}
		return nil
	case resolution:
		s.images[msg.image] = &msg
		return nil
	}
	if s.fields[s.at].options != nil {
		if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "space" {
			s.turn(1)
		}
		return nil
	}
	var cmd tea.Cmd
	s.input, cmd = typeInto(s.input, msg)
	f := s.fields[s.at]
	if v := s.input.Value(); v != s.value(f) {
		s.put(v)
		if f.Key == "image" {
			return tea.Batch(cmd, s.later(typedOut, lookUp{v}))
		}
	}
	return cmd
}

func (s *names) View(w, h int) []string {
	t := s.theme
	lines := []string{t.Strong.Render("Names and size") + t.Dim.Render("  the defaults will do")}
	foot := s.foot(w)
	if h > 10 {
		lines, foot = append(lines, ""), append([]string{""}, foot...)
	}
	foot = foot[:min(len(foot), max(1, h/3))]
	room := max(1, h-len(lines)-len(foot))
	var body []string
	first, last := 0, 0
	for i := range s.fields {
		if i == s.at {
			first = len(body)
		}
		body = append(body, s.rows(i, w)...)
		if i == s.at {
			last = len(body) - 1
		}
	}
	keep := room // lines of the form, above the sign that there are more
	if len(body) > room && last-first+1 < room {
		keep--
	}
	s.top = max(min(s.top, first), last-keep+1, 0)
	s.top = max(0, min(s.top, len(body)-room))
	body = body[s.top:]
	if len(body) > room {
		body = body[:room:room]
		if keep < room {
			body[keep] = t.Dim.Render("  ↓ more")
		}
	}
	return append(append(lines, body...), foot...)
}

// labelWidth is how wide the form's first column is, pointer included.
const labelWidth = 17

// rows draw a field: its name and its answer; of the choice that one is at, every
// option; a sign and the rule if the answer cannot be.
func (s *names) rows(i, w int) []string {
	t, f := s.theme, s.fields[i]
	here := i == s.at
	label := pointer(t, here) + pad(t.Dim.Render(f.label), labelWidth-3) + " "
	if here {
		label = pointer(t, here) + pad(t.Strong.Render(f.label), labelWidth-3) + " "
	}
	if f.options != nil {
		return s.choice(f, here, label, w)
	}
	value := line(s.value(f))
	if here {
		s.input.SetWidth(max(1, w-labelWidth-1))
		value = s.input.View()
	}
	l := label + value
	switch rule, bad := s.broken[f.Key]; {
	case bad && !here:
		l += "  " + t.Risk.Render("✗") + " " + rule
	case f.Key == "image" && !bad && !here:
		l += "  " + s.stands()
	}
	return []string{fit(l, w)}
}

// choice draws a field with options.
func (s *names) choice(f field, here bool, label string, w int) []string {
	t := s.theme
	var rows []string
	for _, o := range f.options {
		chosen := o.value == f.get(s.draft)
		switch {
		case !here && chosen:
			return []string{fit(label+o.label, w)}
		case !here:
			continue
		}
		sign := t.Dim.Render("○")
		text := o.label
		if chosen {
			sign, text = t.Accent.Render("●"), t.Strong.Render(text)
		}
		price, room := s.price(f, o), w-labelWidth
		if w < 60 { // the options under the question
			if rows == nil {
				rows = []string{fit(label, w)}
			}
			label, room = spaces(4), w-4
			price = strings.Replace(price, " an hour", "/h", 1)
		}
		rows = append(rows, label+row(sign+" "+text, t.Dim.Render(price), room))
		label = spaces(labelWidth)
	}
	return rows
}

// price is what the cluster would cost with an option.
func (s *names) price(f field, o option) string {
	if f.Key != "shape" {
		return ""
	}
	a := s.draft
	f.set(&a, o.value)
	if c, ok := s.backend.Cost(a); ok {
		return fmt.Sprintf("$%.2f an hour", c.Hourly)
	}
	return ""
}

// stands is what the image's reference stands for now.
func (s *names) stands() string {
	t := s.theme
	switch r := s.images[s.draft.Image]; {
	case r == nil:
		return ""
	case r.problem != nil:
		return t.Warn.Render("!") + " " + line(r.problem.What)
	case r.digest == "":
		return t.Dim.Render("looking it up …")
	default:
		return t.Dim.Render(shortDigest(r.digest))
	}
}

// shortDigest is enough of a digest to tell it from others.
func shortDigest(d string) string {
	if d = line(d); len(d) > 19 {
		return d[:19] + "…"
	}
	return d
}

// foot says what the field is for, or which rule its answer breaks; of the image
// what it stands for; and the price.
func (s *names) foot(w int) []string {
	t, f := s.theme, s.fields[s.at]
	var lines []string
	add := func(sign string, text string) {
		lines = append(lines, indentFirst(sign, spaces(width(sign)), wrap(text, w-width(sign)))...)
	}
	r := s.images[s.draft.Image]
	switch rule, bad := s.broken[f.Key]; {
	case bad:
		add(t.Risk.Render("✗ "), f.label+" must be "+rule)
	case f.Key == "image" && r != nil && r.problem != nil:
		add(t.Warn.Render("! "), line(r.problem.What)+": "+line(r.problem.Fix))
	case f.Key == "image" && r != nil && r.digest != "":
		add(t.Good.Render("✓ "), "is "+line(r.digest)+" now; that digest is copied and signed, whatever the tag becomes")
	case f.Key == "image" && r != nil:
		add(t.Accent.Render("● "), "looking up which digest it stands for …")
	default:
		add("", f.help)
	}
	if c, ok := s.backend.Cost(s.draft); ok {
		price := fmt.Sprintf("about $%.2f an hour, $%.0f a month", c.Hourly, c.Monthly)
		if s.world.Sandbox {
			price = "free in the sandbox; on Google Cloud " + price
		}
		lines = append(lines, fit(t.Dim.Render(price), w))
	}
	return lines
}
