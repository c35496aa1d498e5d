package tui

import (
	"fmt"
	"strconv"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/state"
)

// field is one question of the form. A field with options is a choice.
type field struct {
	path    string // as in the config file, and in state.FieldError
	label   string
	help    string
	options []option
	get     func(state.Answers) string
	set     func(*state.Answers, string)
}

// option is one of a choice.
type option struct{ value, label string }

// fields are the questions that have defaults, in the order they are asked.
func fields() []field {
	text := func(path, label, help string, at func(*state.Answers) *string) field {
		return field{path: path, label: label, help: help,
			get: func(a state.Answers) string { return *at(&a) },
			set: func(a *state.Answers, v string) { *at(a) = v }}
	}
	return []field{
		text("cluster", "Cluster", "the name of the Kubernetes cluster; its nodes sign in as NAME-sa",
			func(a *state.Answers) *string { return &a.Cluster }),
		{path: "shape", label: "Shape", help: "zonal is the cheapest; regional survives the loss of a zone",
			options: []option{{state.Zonal, "zonal, one machine"}, {state.Regional, "regional, a machine in each of three zones"},
				{state.Guide, "as in the guide: regional, nine machines"}, {state.Autopilot, "Autopilot: regional, Google keeps the machines"}},
			get: func(a state.Answers) string { return a.Shape }, set: setShape},
		{path: "workloadIdentity", label: "Controller", help: "as in the guide it signs in as its node; as itself it needs fewer rights, and nothing else has them; on Autopilot always as itself",
			options: []option{{"no", "signs in as its node, as in the guide"}, {"yes", "signs in as itself, with fewer rights"}},
			get:     func(a state.Answers) string { return map[bool]string{true: "yes", false: "no"}[a.Federated()] },
			set:     func(a *state.Answers, v string) { a.WorkloadIdentity = v == "yes" }},
		text("image", "Image to sign", "copied into your registry, then signed by its digest",
			func(a *state.Answers) *string { return &a.Image }),
		text("namespace", "Protect", "the Kubernetes namespace in which only signed images may run",
			func(a *state.Answers) *string { return &a.Namespace }),
		{path: "publicLog", label: "Public log", help: "Sigstore's public log would hold the image's digest, the signature and your public key for ever",
			options: []option{{"no", "no, nothing public"}, {"yes", "yes, record signatures in Sigstore's public log"}},
			get:     func(a state.Answers) string { return map[bool]string{true: "yes", false: "no"}[a.PublicLog] },
			set:     func(a *state.Answers, v string) { a.PublicLog = v == "yes" }},
		text("keyRing", "Key ring", "a drawer for keys, in the region you chose; used as it is if it is there",
			func(a *state.Answers) *string { return &a.KeyRing }),
		text("key", "Key", "the signing key in Cloud KMS; it never leaves it",
			func(a *state.Answers) *string { return &a.Key }),
		text("repository", "Repository", "the private image repository in Artifact Registry",
			func(a *state.Answers) *string { return &a.Repository }),
		text("policy", "Policy", "the ClusterImagePolicy: which images must be signed by which key",
			func(a *state.Answers) *string { return &a.Policy }),
		text("suffix", "Suffix", "ends every name, so that several people can share a project; may be empty",
			func(a *state.Answers) *string { return &a.Suffix }),
		text("machineType", "Machine type", "of the cluster's nodes",
			func(a *state.Answers) *string { return &a.MachineType }),
		number("nodes", "Nodes", "in each zone", func(a *state.Answers) *int { return &a.Nodes }),
		number("diskGB", "Disk (GB)", "of each node", func(a *state.Answers) *int { return &a.DiskGB }),
		text("zone", "Zone", "of a zonal cluster; empty is the region's first",
			func(a *state.Answers) *string { return &a.Zone }),
	}
}

func number(path, label, help string, at func(*state.Answers) *int) field {
	return field{path: path, label: label, help: help,
		get: func(a state.Answers) string {
			if n := *at(&a); n >= 0 {
				return strconv.Itoa(n)
			}
			return ""
		},
		set: func(a *state.Answers, v string) {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				n = -1 // not a number; the rules refuse it
			}
			*at(a) = n
		}}
}

// setShape sets the size that goes with a shape, too; both can be changed after.
func setShape(a *state.Answers, shape string) {
	a.Shape = shape
	a.Nodes, a.DiskGB = 1, 30
	if shape == state.Guide {
		a.Nodes, a.DiskGB = 3, 100
	}
}

// rules gives, by path, the rule that an answer breaks.
func rules(a state.Answers) map[string]string {
	broken := map[string]string{}
	for _, e := range state.Validate(a) {
		if _, ok := broken[e.Path]; !ok {
			broken[e.Path] = e.Rule
		}
	}
	return broken
}

// names is the form: everything that has a default. Enter goes on with what is
// there, so who is in a hurry never sees more of it.
type names struct {
	*app
	fields []field
	draft  state.Answers
	broken map[string]string
	at     int
	input  textinput.Model
	top    int // first field on screen
}

func newNames(a *app) *names {
	s := &names{app: a, fields: fields(), draft: a.answers, input: newInput()}
	s.broken = rules(s.draft)
	s.focus(0)
	return s
}

func (s *names) typing() bool { return true }

func (s *names) Init() tea.Cmd { return nil }

// focus moves to field i.
func (s *names) focus(i int) {
	s.at = max(0, min(i, len(s.fields)-1))
	s.input.SetValue(s.fields[s.at].get(s.draft))
	s.input.CursorEnd()
}

func (s *names) Keys() []binding {
	k := s.keys
	keys := []binding{k.Accept.says("go on"), k.Up, k.Down, k.Back}
	if s.fields[s.at].options != nil {
		keys = append(keys, k.Left, k.Right)
	}
	return keys
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
		return s.show(newRegions(s.app))
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
		if rule, bad := s.broken[f.path]; bad {
			s.focus(i)
			s.say("%s: %s", f.label, rule)
			return nil
		}
	}
	for path, rule := range s.broken { // an answer of an earlier screen
		s.say("%s: %s", path, rule)
	}
	return nil
}

// turn goes through the options of a choice.
func (s *names) turn(by int) {
	f := s.fields[s.at]
	for i, o := range f.options {
		if o.value == f.get(s.draft) {
			s.put(f.options[(i+by+len(f.options))%len(f.options)].value)
			return
		}
	}
}

func (s *names) put(value string) {
	s.fields[s.at].set(&s.draft, value)
	s.broken = rules(s.draft)
}

func (s *names) Update(msg tea.Msg) tea.Cmd {
	if s.fields[s.at].options != nil {
		if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "space" {
			s.turn(1)
		}
		return nil
	}
	var cmd tea.Cmd
	s.input, cmd = typeInto(s.input, msg)
	if v := s.input.Value(); v != s.fields[s.at].get(s.draft) {
		s.put(v)
	}
	return cmd
}

func (s *names) View(w, h int) []string {
	t := s.theme
	lines := []string{t.Strong.Render("Names and size") + t.Dim.Render("  the defaults will do; enter goes on")}
	foot := s.foot(w)
	if h > 10 {
		lines, foot = append(lines, ""), append([]string{""}, foot...)
	}
	room := max(1, h-len(lines)-len(foot))
	s.top = max(min(s.top, s.at), s.at-room+1, 0)
	s.top = min(s.top, max(0, len(s.fields)-room))
	for i := s.top; i < min(s.top+room, len(s.fields)); i++ {
		lines = append(lines, s.row(i, w))
	}
	return append(lines, foot...)
}

// row draws a field: its name, its answer, and a sign and the rule if it cannot be.
func (s *names) row(i, w int) string {
	t, f := s.theme, s.fields[i]
	value := line(f.get(s.draft))
	for n, o := range f.options {
		if o.value == f.get(s.draft) {
			value = o.label
			if i == s.at {
				value = "‹ " + o.label + " ›" + t.Dim.Render(fmt.Sprintf("  %d of %d", n+1, len(f.options)))
			}
		}
	}
	if i == s.at && f.options == nil {
		s.input.SetWidth(max(1, w-18))
		value = s.input.View()
	}
	l := pointer(t, i == s.at) + pad(t.Dim.Render(f.label), 14) + " " + value
	if rule, bad := s.broken[f.path]; bad && i != s.at {
		l += "  " + t.Risk.Render("✗") + " " + rule
	}
	return fit(l, w)
}

// foot says what the field is for, or which rule its answer breaks, and the price.
func (s *names) foot(w int) []string {
	t, f := s.theme, s.fields[s.at]
	var lines []string
	if rule, bad := s.broken[f.path]; bad {
		lines = append(lines, fit(t.Risk.Render("✗ "+f.label)+" must be "+rule, w))
	} else {
		lines = append(lines, fit(t.Dim.Render(f.help), w))
	}
	if c, ok := s.backend.Cost(s.draft); ok && !s.world.Sandbox {
		lines = append(lines, fit(t.Dim.Render(fmt.Sprintf("about $%.2f an hour, $%.0f a month", c.Hourly, c.Monthly)), w))
	}
	return lines
}
