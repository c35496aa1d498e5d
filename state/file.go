package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is more than any config file needs, and what is read of one at most.
const maxFile = 1 << 20

// ReadAnswers lays a config file over what is known already. It is strict: each
// key must be a question's, stand once and have a value of the right kind. All
// that is wrong is told at once, each with its line; what a value must be besides
// is for Validate. lines says where the answers stand that the file gives.
func ReadAnswers(data []byte, known Answers) (a Answers, lines map[string]int, wrong []FieldError) {
	a, lines = known, map[string]int{}
	if len(data) > maxFile {
		return a, lines, []FieldError{{Rule: fmt.Sprintf("it is larger than %d KiB: this is no config file", maxFile>>10)}}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing in it but comments, perhaps
		return a, lines, nil
	case err != nil:
		return a, lines, []FieldError{syntax(err)}
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return a, lines, []FieldError{{Line: top.Line, Rule: "lines such as \"region: europe-west1\", not " + kind(top)}}
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		name, value := top.Content[i], top.Content[i+1]
		if name.Value == KeyParticipants { // a class's: ReadParticipants
			continue
		}
		if w := take(&a, lines, name, value); w.Rule != "" {
			wrong = append(wrong, w)
		}
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		wrong = append(wrong, FieldError{Line: next.Line, Rule: "a second document after \"---\": a setup is one"})
	case !errors.Is(err, io.EOF):
		wrong = append(wrong, syntax(err))
	}
	return a, lines, wrong
}

// take puts one line's value into its answer, or says why not.
func take(a *Answers, lines map[string]int, name, value *yaml.Node) FieldError {
	refuse := func(format string, args ...any) FieldError {
		return FieldError{Path: name.Value, Line: name.Line, Rule: fmt.Sprintf(format, args...)}
	}
	if name.Kind != yaml.ScalarNode {
		return FieldError{Line: name.Line, Rule: "a key's name, not " + kind(name)}
	}
	q, ok := question(name.Value)
	if !ok {
		if like := nearest(name.Value); like != "" {
			return refuse("no such key; did you mean %s?", like)
		}
		return refuse("no such key")
	}
	if at, twice := lines[q.Key]; twice {
		return refuse("it stands on line %d already", at)
	}
	lines[q.Key] = name.Line
	if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
		return refuse("no value; without the line the default holds")
	}
	switch at := q.At(a).(type) {
	case *string:
		if value.Tag != "!!str" || value.Decode(at) != nil {
			return refuse("text, not %s%s", kind(value), quote(value))
		}
	case *int:
		if value.Tag != "!!int" || value.Decode(at) != nil {
			return refuse("a whole number, not %s", kind(value))
		}
	case *bool:
		if value.Tag != "!!bool" || value.Decode(at) != nil {
			return refuse("true or false, not %s", kind(value))
		}
	}
	return FieldError{}
}

func question(key string) (Question, bool) {
	for _, q := range Questions() {
		if q.Key == key {
			return q, true
		}
	}
	return Question{}, false
}

// kind says what a node is, in a person's words.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "a reference (*" + n.Value + ")"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "the number " + short(n.Value)
	case "!!bool":
		return n.Value
	case "!!null":
		return "nothing"
	case "!!str":
		return "the text " + strconv.Quote(short(n.Value))
	case "!!timestamp":
		return "the date " + n.Value
	}
	return "a value of the kind " + short(n.Tag)
}

// quote is the way out where YAML took for a number what was meant as text.
func quote(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || !strings.HasPrefix(n.Tag, "!!") || strings.ContainsAny(n.Value, "\"\\\n") {
		return ""
	}
	return `; in quotes it is: "` + short(n.Value) + `"`
}

// short keeps a value from filling the screen.
func short(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax is what the parser could not read, with its line.
func syntax(err error) FieldError {
	at := yamlLine.FindStringSubmatch(err.Error())
	if at == nil {
		return FieldError{Rule: err.Error()}
	}
	line, _ := strconv.Atoi(at[1])
	return FieldError{Line: line, Rule: "this is not YAML: " + strings.TrimPrefix(err.Error(), at[0])}
}
