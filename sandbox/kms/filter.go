package kms

import (
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// test says whether a filter lets a message through.
type test func(protoreflect.Message) bool

// filterDepth bounds how deep a filter nests.
const filterDepth = 32

// parseFilter reads a filter (cloud.google.com/kms/docs/sorting-and-filtering):
// terms such as state=ENABLED, name:prod, labels.env!=test or create_time>2026-01-01, joined
// by AND (or nothing), OR, NOT and brackets. As with all of Google's filters, OR binds
// closer than AND.
func parseFilter(text string) (test, error) {
	p := &filter{tokens: filterTokens(text), text: text}
	if len(p.tokens) == 0 {
		return func(protoreflect.Message) bool { return true }, nil
	}
	t, err := p.all(0)
	if err == nil && len(p.tokens) > 0 {
		err = p.bad()
	}
	return t, err
}

type filter struct {
	tokens []string
	text   string
}

func (p *filter) bad() error { return invalid("Invalid filter: '%s'.", p.text) }

func (p *filter) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *filter) next() string {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

// all is what is joined by AND.
func (p *filter) all(depth int) (test, error) {
	if depth > filterDepth {
		return nil, p.bad()
	}
	left, err := p.any(depth)
	for err == nil && p.peek() != "" && p.peek() != ")" {
		if p.peek() == "AND" {
			p.next()
		}
		var right test
		if right, err = p.any(depth); err == nil {
			a, b := left, right
			left = func(m protoreflect.Message) bool { return a(m) && b(m) }
		}
	}
	return left, err
}

// any is what is joined by OR.
func (p *filter) any(depth int) (test, error) {
	left, err := p.one(depth)
	for err == nil && p.peek() == "OR" {
		p.next()
		var right test
		if right, err = p.one(depth); err == nil {
			a, b := left, right
			left = func(m protoreflect.Message) bool { return a(m) || b(m) }
		}
	}
	return left, err
}

func (p *filter) one(depth int) (test, error) {
	switch p.peek() {
	case "NOT", "-":
		p.next()
		if depth > filterDepth {
			return nil, p.bad()
		}
		t, err := p.one(depth + 1)
		return func(m protoreflect.Message) bool { return !t(m) }, err
	case "(":
		p.next()
		t, err := p.all(depth + 1)
		if err == nil && p.next() != ")" {
			err = p.bad()
		}
		return t, err
	}
	return p.term()
}

func (p *filter) term() (test, error) {
	path, op, value := p.next(), p.next(), p.next()
	if !word(path) || !comparator(op) || value == "" || value == ")" || comparator(value) {
		return nil, p.bad()
	}
	value = strings.Trim(value, `"`)
	names := strings.Split(path, ".")
	return func(m protoreflect.Message) bool {
		return holds(field(m, names), op, value)
	}, nil
}

func comparator(op string) bool {
	switch op {
	case "=", "!=", "<", "<=", ">", ">=", ":":
		return true
	}
	return false
}

func word(t string) bool {
	return t != "" && (unicode.IsLetter(rune(t[0])) || t[0] == '_')
}

// holds compares what is there with a filter's value. Text is compared without regard to case,
// times as times.
func holds(have, op, value string) bool {
	if op == ":" {
		return value == "*" && have != "" || value != "*" && strings.Contains(strings.ToLower(have), strings.ToLower(value))
	}
	d := compare(strings.ToLower(have), strings.ToLower(value))
	if t, err := time.Parse(time.RFC3339Nano, have); err == nil {
		if u, ok := moment(value); ok {
			d = t.Compare(u)
		}
	}
	switch op {
	case "=":
		if head, wild := strings.CutSuffix(strings.ToLower(value), "*"); wild {
			return strings.HasPrefix(strings.ToLower(have), head)
		}
		return d == 0
	case "!=":
		return d != 0
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	}
	return d >= 0
}

func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// timeText writes a timestamp so that it sorts as text too.
func timeText(m protoreflect.Message) string {
	t, ok := m.Interface().(*timestamppb.Timestamp)
	if !ok {
		return ""
	}
	return t.AsTime().Format("2006-01-02T15:04:05.000000000Z07:00")
}

// filterTokens cuts a filter into words, quoted text, comparators and brackets.
func filterTokens(text string) []string {
	var tokens []string
	for text = strings.TrimLeft(text, " \t\n"); text != ""; text = strings.TrimLeft(text, " \t\n") {
		n := 1
		switch {
		case text[0] == '"':
			if end := strings.IndexByte(text[1:], '"'); end >= 0 {
				n = end + 2
			} else {
				n = len(text)
			}
		case strings.HasPrefix(text, "!=") || strings.HasPrefix(text, "<=") || strings.HasPrefix(text, ">="):
			n = 2
		case strings.IndexByte("()<>=:", text[0]) >= 0 || text[0] == '-' && len(tokens) == 0:
		default:
			stops := " \t\n()<>=!:\""
			if last := len(tokens) - 1; last >= 0 && comparator(tokens[last]) {
				stops = " \t\n()\"" // a value: times and names have colons
			}
			if n = strings.IndexAny(text, stops); n < 0 {
				n = len(text)
			}
			n = max(n, 1)
		}
		tokens, text = append(tokens, text[:n]), text[n:]
	}
	return tokens
}
