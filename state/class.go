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
	seen := map[string]int{}
	top := doc.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		name, value := top.Content[i], top.Content[i+1]
		if name.Value != KeyParticipants {
			continue
		}
		refuse := func(n *yaml.Node, path, format string, args ...any) {
			wrong = append(wrong, FieldError{Path: path, Line: n.Line, Rule: fmt.Sprintf(format, args...)})
		}
		if at, twice := seen[name.Value]; twice {
			refuse(name, KeyParticipants, "it stands on line %d already", at)
			continue
		}
		seen[name.Value] = name.Line
		switch n := 0; {
		case value.Kind == yaml.SequenceNode:
			for at, one := range value.Content {
				path := fmt.Sprintf("%s[%d]", KeyParticipants, at)
				suffix, fault := participant(one)
				if fault == "" && seen["="+suffix] > 0 {
					fault = fmt.Sprintf("%q stands on line %d already", suffix, seen["="+suffix])
				}
				if fault != "" {
					refuse(one, path, "%s", fault)
					continue
				}
				seen["="+suffix] = one.Line
				suffixes = append(suffixes, suffix)
			}
		case value.Tag == "!!int" && value.Decode(&n) == nil && n >= 1 && n <= mostParticipants:
			suffixes = numbered(n)
		default:
			refuse(value, KeyParticipants, "a list of suffixes, or how many (1 to %d), not %s", mostParticipants, kind(value))
		}
		if len(suffixes) > mostParticipants {
			refuse(value, KeyParticipants, "at most %d", mostParticipants)
		}
		if len(suffixes) == 0 && len(wrong) == 0 {
			refuse(value, KeyParticipants, "at least one")
		}
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
