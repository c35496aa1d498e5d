package tui

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// proof is the theatre: four deployments side by side, each with the image, who
// signed it, the request, the cluster's own words, the verdict, and what it means.
// It opens when the proof begins and fills as the verdicts fall; then any other
// image can be tried.
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
	accept, try := k.Accept.says("summary").confirms(), k.Try
	switch {
	case s.run.active():
		accept.Off, try.Off = "the cluster is still being asked", "the cluster is still being asked"
	case s.run.err != nil:
		accept.Words = "what to do about it"
	}
	keys := []binding{accept}
	if _, ok := s.session.(Trier); ok {
		keys = append(keys, try)
	}
	keys = append(keys, k.Up, k.Down.says("scroll"), k.Back.says("steps"))
	return s.unfolds(keys, s.wrong)
}

func (s *proof) Press(do action) tea.Cmd {
	switch do {
	case doAccept:
		switch {
		case s.asking:
			return s.try()
		case s.run.err != nil:
			return tea.Batch(s.toRun(), s.ask())
		}
		return s.toSummary()
	case doTry:
		s.asking = true
	case doBack:
		if s.asking {
			s.asking = false
			return nil
		}
		v := newRunView(s.app)
		v.cursor, v.picked = v.at(), true
		return s.show(v)
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
	lines := []string{fit(t.Strong.Render("The proof")+t.Dim.Render("  four deployments in namespace "+line(s.answers.Namespace)), w), ""}
	if h <= 10 {
		lines = lines[:1]
	}
	foot := s.foot(w)
	foot = foot[:min(len(foot), max(0, h-len(lines)-3))]
	room := max(1, h-len(lines)-len(foot))
	body := s.stage(w, room)
	s.top = max(0, min(s.top, len(body)-room))
	body = body[s.top:]
	if len(body) > room {
		body = append(body[:room-1:room-1], t.Dim.Render("  ↓ more"))
	}
	return append(append(lines, body...), foot...)
}

// verdictOf is the verdict on a case, nil while the cluster has not answered.
func (r *run) verdictOf(c string) *engine.Verdict {
	for i := range r.verdicts {
		if r.verdicts[i].Case == c {
			return &r.verdicts[i]
		}
	}
	return nil
}

// stage sets the four side by side: four, two or one in a row, each part of a card
// on the same lines as its neighbours'.
func (s *proof) stage(w, h int) []string {
	columns, gap := 1, 3
	switch {
	case w+2 >= 112:
		columns = 4
	case w+2 >= 72:
		columns = 2
	}
	each := (w - gap*(columns-1)) / columns
	all := engine.Cases()
	for _, v := range s.run.verdicts { // one that we do not know is shown, too
		if !slices.Contains(all, v.Case) {
			all = append(all, v.Case)
		}
	}
	room := h / (1 + (len(all)-1)/columns) // lines for a card
	brief := columns > 1 && room < 12
	most := max(3, min(8, room-8)) // lines for the cluster's words
	var lines []string
	for i := 0; i < len(all); i += columns {
		var cards [][][]string
		for n, c := range all[i:min(i+columns, len(all))] {
			cards = append(cards, s.card(i+n, c, each, most, brief))
		}
		if i > 0 {
			lines = append(lines, "")
		}
		for part := range cards[0] {
			tall := 0
			for _, c := range cards {
				tall = max(tall, len(c[part]))
			}
			for n := range tall {
				l := ""
				for c := range cards {
					if n < len(cards[c][part]) {
						l = pad(l, c*(each+gap)) + cards[c][part][n]
					}
				}
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// card is one deployment, in parts: what it is, what was asked, what the cluster
// said, the verdict, and what it means. A brief one leaves the request to the step's page.
func (s *proof) card(i int, c string, w, most int, brief bool) [][]string {
	t, v := s.theme, s.run.verdictOf(c)
	image, request := s.request(i)
	var answer, means []string
	var verdict string
	switch {
	case v != nil:
		m := t.verdict(*v)
		image = imageName(v.Image)
		answer = said(v.Message, max(10, w-2), most)
		verdict = m.String() + " " + m.Style.Render(m.Word)
		means = wrap(meaning(*v), w)
	case s.run.active():
		verdict = t.Accent.Render("●") + " " + t.Dim.Render("asking the cluster …")
	default:
		verdict = t.Dim.Render("○ not asked")
	}
	about := append(hung(t.Dim.Render("image"), 7, image, ink{}, w), hung(t.Dim.Render("signed"), 7, signer(c), ink{}, w)...)
	var asked []string
	if request != "" && !brief {
		asked = hung(t.Dim.Render("$"), 2, request, t.Code, w)
		asked = asked[:min(3, len(asked))]
	}
	for n, l := range answer {
		answer[n] = t.Dim.Render("│ " + l)
	}
	var title []string
	for _, l := range wrap(caseTitle(c), w) {
		title = append(title, t.Strong.Render(l))
	}
	parts := [][]string{title, about, asked, answer, {verdict}, means}
	for _, p := range parts {
		for n := range p {
			p[n] = fit(p[n], w)
		}
	}
	return parts
}

// request is what a person would type for the case, without what the card says
// anyway, and the image that it is about.
func (s *proof) request(i int) (image, request string) {
	var deploys []string
	for _, c := range s.session.Commands("proof") {
		if strings.Contains(c, "create deployment") {
			command, _, _ := strings.Cut(clean(c), "  #")
			deploys = append(deploys, command)
		}
	}
	if len(deploys) != len(engine.Cases()) || i >= len(deploys) {
		return "", ""
	}
	var rest []string
	for _, word := range strings.Fields(deploys[i]) {
		if name, ok := strings.CutPrefix(word, "--image="); ok && !strings.ContainsAny(name, "$(\"") {
			image = imageName(name)
		} else if ok {
			break // of a longer word
		} else if !strings.HasPrefix(word, "--namespace") {
			rest = append(rest, word)
		}
	}
	return image, strings.Join(rest, " ")
}

// imageName is an image without its digest and, where it is Google's, without the
// registry that all of the setup's images share.
func imageName(image string) string {
	image, digest, _ := strings.Cut(line(image), "@")
	if parts := strings.Split(image, "/"); strings.HasSuffix(parts[0], "-docker.pkg.dev") && len(parts) > 2 {
		image = "…/" + strings.Join(parts[len(parts)-2:], "/")
	}
	if len(digest) > 19 {
		digest = digest[:19] + "…"
	}
	image = strings.TrimPrefix(strings.TrimPrefix(image, "index."), "docker.io/library/")
	if digest != "" {
		image += " " + digest
	}
	return image
}

// words are the controller's own, without the frame that every denial has, and with …
// for the image.
func words(message string) string {
	message = line(message)
	if _, after, ok := strings.Cut(message, "denied the request: "); ok {
		message = after
	}
	return reference.ReplaceAllString(message, "…")
}

// said is what the cluster said in as many lines, where that can be. What matters stands at
// the end, and without its first word a sentence may say the opposite ("no signatures
// found"): clauses are left out whole, from the front of the middle, and the last never is.
func said(message string, w, most int) []string {
	text := words(message)
	clauses := strings.Split(text, ": ")
	last := len(clauses) - 1
	for last > 0 && clauses[last] == "…" { // an image, which is no clause of its own
		last--
	}
	lines := wrap(text, w)
	for n := 2; n <= last && len(lines) > most; n++ {
		lines = wrap(clauses[0]+": … "+strings.TrimPrefix(strings.Join(clauses[n:], ": "), "… "), w)
	}
	if last > 0 && len(lines) > most {
		lines = wrap("… "+strings.TrimPrefix(strings.Join(clauses[last:], ": "), "… "), w)
	}
	return lines
}

// reference is an image in a denial, and where in the deployment it stands: the card
// says which one it is.
var reference = regexp.MustCompile(`spec\.template\.[\w.\[\]]+(\s+\S+@sha256:[a-f0-9]{64})?|\S+@sha256:[a-f0-9]{64}`)

func signer(c string) string {
	switch c {
	case engine.CaseSigned:
		return "with your key in Cloud KMS"
	case engine.CaseWrongKey:
		return "with a throw-away key"
	case engine.CaseUnsignedPublic, engine.CaseUnsignedPrivate:
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
	case engine.CaseUnsignedPublic:
		return "Nobody starts an image from the internet that you have not signed."
	case engine.CaseUnsignedPrivate:
		return "Being in your registry is not enough: who can push cannot thereby run."
	case engine.CaseWrongKey:
		return "A signature is not enough either: it must be made with your key."
	case engine.CaseSigned:
		return "What you signed runs, and its digest cannot be exchanged."
	}
	return ""
}

// foot is what went wrong, the question for another image, or its answer.
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
		return append([]string{""}, s.answer(*s.tried, w)...)
	}
	if p := s.run.cause(); p != nil {
		return append([]string{""}, fit(t.Risk.Render("✗")+" "+line(p.What), w))
	}
	return nil
}

// answer is what the cluster would do with the image that was tried.
func (s *proof) answer(v engine.Verdict, w int) []string {
	t := s.theme
	m, word := t.Good.Render("✓"), "would be admitted"
	if v.Actual == engine.Denied {
		m, word = t.Warn.Render("✗"), "would be refused"
	}
	lines := []string{fit(m+" "+imageName(v.Image)+" "+t.Strong.Render(word)+": "+line(s.session.(Trier).Means(v.Reason)), w)}
	for _, l := range said(v.Message, w-4, 4) {
		lines = append(lines, "  "+t.Dim.Render("│ "+l))
	}
	return lines
}
