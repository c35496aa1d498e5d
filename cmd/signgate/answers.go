package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// answerFlags are the wizard's questions as flags and as a config file.
type answerFlags struct {
	file        string
	given       state.Answers
	participant string

	// whole says that a verb takes a class's file as it is, without one of its people; class are
	// they, once the file has been read.
	whole bool
	class []string
}

func addAnswerFlags(cmd *cobra.Command) *answerFlags {
	q := &answerFlags{given: state.Defaults()}
	f := cmd.Flags()
	f.StringVarP(&q.file, "file", "f", "", "answers from a YAML `file`; flags win over it")
	f.StringVar(&q.participant, "participant", "", "of a class's file, the `one` of its participants that this is for")
	for _, question := range state.Questions() {
		switch at := question.At(&q.given).(type) {
		case *string:
			f.StringVar(at, question.Flag, *at, question.Ask)
		case *int:
			f.IntVar(at, question.Flag, *at, question.Ask)
		case *bool:
			f.BoolVar(at, question.Flag, *at, question.Ask)
		}
	}
	return q
}

// over lays the file and the flags that were given over what is known already, and
// says all that is wrong with them at once. Which project may still be open.
func (q *answerFlags) over(cmd *cobra.Command, known state.Answers) (state.Answers, error) {
	out, lines := known, map[string]int{}
	var wrong []state.FieldError
	if q.file != "" {
		data, err := os.ReadFile(q.file)
		if err != nil {
			return out, usagef("--file: %w", err)
		}
		out, lines, wrong = state.ReadAnswers(data, known)
		more, err := q.ofClass(data, &out, lines["suffix"] > 0 || cmd.Flags().Changed("suffix"))
		if err != nil {
			return out, err
		}
		wrong = append(wrong, more...)
	} else if q.participant != "" {
		return out, usagef("--participant goes with the file of a class: -f FILE")
	}
	for _, question := range state.Questions() {
		if cmd.Flags().Changed(question.Flag) {
			reflect.ValueOf(question.At(&out)).Elem().Set(reflect.ValueOf(question.At(&q.given)).Elem())
			delete(lines, question.Key)
		}
	}
	return out, misfit(q.file, append(wrong, broken(out, lines, wrong)...))
}

// ofClass reads whom a class's file is for, and gives the answers the suffix of the one who
// is named, unless one was given (suffixed). For a participant the names must fit with the longest suffix of all.
func (q *answerFlags) ofClass(data []byte, out *state.Answers, suffixed bool) ([]state.FieldError, error) {
	class, wrong := state.ReadParticipants(data)
	q.class = class
	switch {
	case len(wrong) > 0:
		return wrong, nil
	case len(class) == 0 && q.participant != "":
		return nil, usagef("--participant: %s has no %s", q.file, state.KeyParticipants)
	case len(class) == 0:
		return nil, nil
	case suffixed:
		return []state.FieldError{{Path: "suffix", Rule: "not beside " + state.KeyParticipants + ", which give each setup its own"}}, nil
	case q.participant == "" && q.whole:
		for _, one := range class {
			each := *out
			each.Suffix = one
			for _, f := range broken(each, nil, nil) {
				if !slices.ContainsFunc(wrong, func(have state.FieldError) bool { return have.Path == f.Path }) {
					f.Rule += " (for participant " + one + ")"
					wrong = append(wrong, f)
				}
			}
		}
		return wrong, nil
	case q.participant == "":
		return nil, usagef("%s is for a class; --participant NAME says for whom this is: %s", q.file, list(class))
	case !slices.Contains(class, q.participant):
		return nil, usagef("--participant: %s is none of %s: %s", q.participant, q.file, list(class))
	}
	out.Suffix = q.participant
	return nil, nil
}

// asked says whether any answer was given at all, by a flag or a file.
func (q *answerFlags) asked(cmd *cobra.Command) bool {
	return q.file != "" || slices.ContainsFunc(state.Questions(), func(one state.Question) bool { return cmd.Flags().Changed(one.Flag) })
}

// broken are the rules that answers break, with the lines that they stand on. Of what
// could not even be read nothing more is said, nor of a project that is still to be found out.
func broken(a state.Answers, lines map[string]int, said []state.FieldError) []state.FieldError {
	var all []state.FieldError
	for _, f := range state.Validate(a) {
		unread := slices.ContainsFunc(said, func(s state.FieldError) bool { return s.Path == f.Path && s.Line == lines[f.Path] })
		if unread || f.Path == "project" && a.Project == "" {
			continue
		}
		f.Line = lines[f.Path]
		all = append(all, f)
	}
	return all
}

// invalid is the problem of the first rule that the wizard's answers break, nil if they break none.
func invalid(a state.Answers) error {
	faults := state.Validate(a)
	if len(faults) == 0 {
		return nil
	}
	p := problem.Raise("answer-invalid", nil)
	p.Words = faults[0].Error()
	return p
}

// misfit is the error of answers that do not fit, nil if all do.
func misfit(file string, wrong []state.FieldError) error {
	if len(wrong) == 0 {
		return nil
	}
	slices.SortStableFunc(wrong, func(a, b state.FieldError) int { return a.Line - b.Line })
	text := "answers that do not fit:"
	if file != "" {
		text = fmt.Sprintf("answers that do not fit, in %s or beside it:", file)
	}
	for _, w := range wrong {
		if flag := flagOf(w.Path); file == "" && flag != "" {
			w.Path = flag
		}
		text += "\n  " + problem.Clean(w.Error())
	}
	return usagef("%s", text)
}

// flagOf is the flag that gives an answer, "" where none does.
func flagOf(key string) string {
	for _, q := range state.Questions() {
		if q.Key == key && q.Flag != "" {
			return "--" + q.Flag
		}
	}
	return ""
}

// differences says how two sets of answers differ, a line each.
func differences(have, want state.Answers) []string {
	old, other := byKey(have), byKey(want)
	var lines []string
	for _, key := range changedKeys(have, want) {
		lines = append(lines, fmt.Sprintf("%s: on record %v, asked for %v", key, shown(old[key]), shown(other[key])))
	}
	return lines
}

// changedKeys lists the keys by which two sets of answers differ.
func changedKeys(have, want state.Answers) []string {
	old, other := byKey(have), byKey(want)
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(merged(old, other))) {
		if old[key] != other[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// byKey gives answers by their keys in the config file.
func byKey(a state.Answers) map[string]any {
	data, _ := json.Marshal(a)
	var m map[string]any
	_ = json.Unmarshal(data, &m) // what was just written
	return m
}

func merged(a, b map[string]any) map[string]any {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func shown(v any) any {
	if v == nil {
		return "nothing"
	}
	return v
}
