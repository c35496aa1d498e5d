package tui

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// proof shows the four deployments: the image, who signed it, what the cluster
// said, the verdict, and what it means. Any other image can be tried, too.
type proof struct {
	*app
	top    int
	asking bool // an image is being typed
	input  textinput.Model
	busy   string // the image being judged
	tried  *engine.Verdict
	wrong  *problem.Problem
}

type judged struct {
	verdict engine.Verdict
	err     error
}

func newProof(a *app) *proof {
	p := &proof{app: a, input: newInput()}
	p.input.Placeholder = "an image, such as docker.io/library/busybox"
	return p
}

func (s *proof) Init() tea.Cmd { return nil }

func (s *proof) typing() bool { return s.asking }

func (s *proof) Keys() []binding {
	k := s.keys
	if s.asking {
		return []binding{k.Accept.says("ask the cluster"), k.Back.says("never mind")}
	}
	keys := []binding{k.Accept.says("summary").confirms(), k.Up, k.Down}
	if _, ok := s.session.(Trier); ok {
		keys = append(keys, k.Try)
	}
	return keys
}

func (s *proof) Press(do action) tea.Cmd {
	switch do {
	case doAccept:
		if s.asking {
			return s.try()
		}
		return s.show(newSummary(s.app))
	case doTry:
		s.asking = true
	case doBack:
		s.asking = false
	case doUp:
		s.top = max(0, s.top-1)
	case doDown:
		s.top++
	}
	return nil
}

// try asks the cluster about the typed image.
func (s *proof) try() tea.Cmd {
	image := strings.TrimSpace(s.input.Value())
	s.asking = false
	if image == "" {
		return nil
	}
	s.busy, s.tried, s.wrong = image, nil, nil
	trier := s.session.(Trier)
	return s.do(func(ctx context.Context) tea.Msg {
		v, err := trier.Try(ctx, image)
		return judged{v, err}
	})
}

func (s *proof) Update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(judged); ok {
		s.busy, s.wrong = "", asProblem(m.err)
		if m.err == nil {
			s.tried = &m.verdict
		}
		return nil
	}
	if !s.asking {
		return nil
	}
	var cmd tea.Cmd
	s.input, cmd = typeInto(s.input, msg)
	return cmd
}

func (s *proof) View(w, h int) []string {
	t := s.theme
	lines := []string{t.Strong.Render("The proof") + t.Dim.Render("  four live deployments, and what the cluster said"), ""}
	foot := s.foot(w)
	room := max(1, h-len(lines)-len(foot))
	body := s.cards(w)
	s.top = max(0, min(s.top, len(body)-room))
	body = body[s.top:]
	return append(append(lines, body[:min(len(body), room)]...), foot...)
}

// cards sets the verdicts side by side: four, two or one in a row.
func (s *proof) cards(w int) []string {
	columns := 1
	switch {
	case w+2 >= 160:
		columns = 4
	case w+2 >= 80:
		columns = 2
	}
	each := (w - 2*(columns-1)) / columns
	var lines []string
	for i := 0; i < len(s.run.verdicts); i += columns {
		var cards [][]string
		tall := 0
		for _, v := range s.run.verdicts[i:min(i+columns, len(s.run.verdicts))] {
			c := card(s.theme, v, each)
			cards, tall = append(cards, c), max(tall, len(c))
		}
		for n := range tall {
			l := ""
			for c, lines := range cards {
				if n < len(lines) {
					l = pad(l, c*(each+2)) + lines[n]
				}
			}
			lines = append(lines, l)
		}
		lines = append(lines, "")
	}
	return lines
}

// card is one verdict.
func card(t theme, v engine.Verdict, w int) []string {
	m := t.verdict(v)
	lines := []string{
		fit(m.String()+" "+t.Strong.Render(caseTitle(v.Case)), w),
		fit("  "+t.Dim.Render("image   ")+imageName(v.Image), w),
		fit("  "+t.Dim.Render("signed  ")+signer(v.Case), w),
		fit("  "+t.Dim.Render("verdict ")+m.Style.Render(m.Word), w),
	}
	for i, l := range wrap(words(v.Message), max(10, w-4)) {
		if i == 4 {
			break
		}
		lines = append(lines, "  "+t.Dim.Render("│ ")+t.Dim.Render(l))
	}
	return append(lines, indent("  ", wrap(meaning(v), max(10, w-2)))...)
}

// imageName is an image without most of its digest.
func imageName(image string) string {
	image = line(image)
	if at := strings.Index(image, "@sha256:"); at >= 0 && len(image) > at+20 {
		return image[:at+20] + "…"
	}
	return image
}

// words are the controller's own, without the frame that every denial has.
func words(message string) string {
	message = line(message)
	if _, after, ok := strings.Cut(message, "denied the request: "); ok {
		return after
	}
	return message
}

func signer(c string) string {
	switch c {
	case "signed":
		return "with your key in Cloud KMS"
	case "wrong-key":
		return "with a throw-away key"
	case "unsigned-public", "unsigned-private":
		return "by nobody"
	}
	return "not known"
}

// meaning is what a verdict means, in a sentence.
func meaning(v engine.Verdict) string {
	if !v.OK {
		return "The gate does not hold: expected " + line(v.Expected) + ", got " + line(v.Actual) + " (" + line(v.Reason) + ")."
	}
	switch v.Case {
	case "unsigned-public":
		return "Nobody starts an image from the internet that you have not signed."
	case "unsigned-private":
		return "Being in your registry is not enough: who can push cannot thereby run."
	case "wrong-key":
		return "A signature is not enough either: it must be made with your key."
	case "signed":
		return "What you signed runs, and its digest cannot be exchanged."
	}
	return ""
}

// foot is the question for another image, or its answer.
func (s *proof) foot(w int) []string {
	t := s.theme
	switch {
	case s.asking:
		s.input.SetWidth(max(1, w-10))
		return []string{"", fit(t.Accent.Render("try ›")+" "+s.input.View(), w)}
	case s.busy != "":
		return []string{"", fit(t.Accent.Render("●")+" asking the cluster about "+line(s.busy)+" …", w)}
	case s.wrong != nil:
		return append([]string{""}, s.trouble(s.wrong, w)...)
	case s.tried != nil:
		m, word := t.Good.Render("✓"), "would be admitted"
		if s.tried.Actual == "denied" {
			m, word = t.Warn.Render("✗"), "would be refused"
		}
		return append([]string{"", fit(m+" "+imageName(s.tried.Image)+" "+t.Strong.Render(word)+t.Dim.Render("  "+line(s.tried.Reason)), w)},
			indent("  ", wrap(words(s.tried.Message), w-2))...)
	}
	return nil
}
