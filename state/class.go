package state

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// KeyParticipants is the key of a config file that is for a class: a list of suffixes, one
// for each of its people, or how many they are.
const KeyParticipants = "participants"

// mostParticipants is more than a project takes of clusters in a place, or of accounts.
const mostParticipants = 500

const (
	suffixPattern = `(?:[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?)?`
	suffixRule    = "up to 20 lower-case letters, digits and dashes; no dash first or last"
)

// ReadParticipants gives the suffixes of a config file's class, none where the file is
// for one setup. A number stands for 01, 02 and so on. What is wrong with the rest of
// the file is for ReadAnswers to say.
func ReadParticipants(data []byte) (suffixes []string, wrong []FieldError) {
	var doc yaml.Node
	if len(data) > maxFile || yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc) != nil || len(doc.Content) == 0 {
		return nil, nil
	}
	first := 0
	top := doc.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		name, value := top.Content[i], top.Content[i+1]
		switch {
		case name.Value != KeyParticipants:
		case first > 0:
			wrong = append(wrong, FieldError{KeyParticipants, name.Line, fmt.Sprintf("it stands on line %d already", first)})
		default:
			first = name.Line
			suffixes, wrong = class(value)
		}
	}
	return suffixes, wrong
}

// class reads the value of the key.
func class(value *yaml.Node) (suffixes []string, wrong []FieldError) {
	n := 0
	switch {
	case value.Kind == yaml.SequenceNode:
		suffixes, wrong = listed(value.Content)
	case value.Tag == "!!int" && value.Decode(&n) == nil && n >= 1 && n <= mostParticipants:
		suffixes = numbered(n)
	default:
		return nil, []FieldError{{KeyParticipants, value.Line, fmt.Sprintf("a list of suffixes, or how many (1 to %d), not %s", mostParticipants, kind(value))}}
	}
	if len(wrong) == 0 && (len(suffixes) == 0 || len(suffixes) > mostParticipants) {
		wrong = []FieldError{{KeyParticipants, value.Line, fmt.Sprintf("at least one, at most %d", mostParticipants)}}
	}
	return suffixes, wrong
}

// listed reads those of a list, each once.
func listed(all []*yaml.Node) (suffixes []string, wrong []FieldError) {
	lines := map[string]int{}
	for at, one := range all {
		suffix, fault := participant(one)
		if fault == "" && lines[suffix] > 0 {
			fault = fmt.Sprintf("%q stands on line %d already", suffix, lines[suffix])
		}
		if fault != "" {
			wrong = append(wrong, FieldError{fmt.Sprintf("%s[%d]", KeyParticipants, at), one.Line, fault})
			continue
		}
		lines[suffix] = one.Line
		suffixes = append(suffixes, suffix)
	}
	return suffixes, wrong
}

// participant is the suffix that stands in a list, or why it is none.
func participant(n *yaml.Node) (suffix, fault string) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!int" {
		return "", "a suffix, not " + kind(n)
	}
	if n.Value == "" || !regexp.MustCompile(`^`+suffixPattern+`$`).MatchString(n.Value) {
		return "", suffixRule
	}
	return n.Value, ""
}

// numbered are 1 to n, all of the same length, so that they sort as they count.
func numbered(n int) []string {
	width := max(2, len(strconv.Itoa(n)))
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%0*d", width, i+1)
	}
	return all
}
