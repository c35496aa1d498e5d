package main

import (
	_ "embed"
	"fmt"
	"reflect"
	"strings"
	"text/template"

	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

//go:embed state.md.tmpl
var stateText string

// statePage is the format of the record: the rules as written, the fields as they are.
func statePage(src source) ([]byte, error) {
	t, err := template.New("state").Parse(stateText)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	err = t.Execute(&out, map[string]string{
		"Notice": notice,
		"Record": src.table(reflect.TypeFor[state.Record]()),
		"World":  src.table(reflect.TypeFor[state.World]()),
		"Entry":  src.table(reflect.TypeFor[state.Entry]()),
		"Phases": src.list("state.Phase"),
		"Pins":   src.list("steps.Pin"),
		"Kinds":  src.kindsTable(),
	})
	return []byte(out.String()), err
}

// table are the fields of a struct.
func (s source) table(t reflect.Type) string {
	var out strings.Builder
	out.WriteString("| field | type | what |\n|---|---|---|\n")
	for _, f := range s.fieldsOf(t) {
		kind := jsonType(f.typ)
		if !f.required {
			kind += ", or left out"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", f.key, kind, strings.ReplaceAll(f.comment, "|", `\|`))
	}
	return out.String()
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int:
		return "number"
	case reflect.Map:
		return "texts by name"
	case reflect.Slice:
		return "list of " + t.Elem().Name()
	}
	if t.Name() == "Time" {
		return "time"
	}
	return t.Name()
}

// list are the values that a text may have.
func (s source) list(of string) string {
	var out strings.Builder
	for _, v := range s.values[of] {
		what := v.comment
		if what != "" {
			what = ": " + what
		}
		fmt.Fprintf(&out, "- `%s`%s\n", v.text, what)
	}
	return out.String()
}

// kindsTable are the kinds of resources that steps put on record.
func (s source) kindsTable() string {
	var out strings.Builder
	for _, k := range s.kinds {
		fmt.Fprintf(&out, "- `%s`: %s\n", k, steps.Describe(state.Resource{Kind: k, Name: sample(k)}))
	}
	return out.String()
}

// sample is a name of a kind's form.
func sample(kind string) string {
	switch kind {
	case "iam.binding":
		return "projects/P#ROLE#MEMBER"
	case "kubernetes.label":
		return "NAMESPACE#LABEL"
	case "kubernetes.deployment", "helm.release":
		return "NAMESPACE/NAME"
	}
	return "…/NAME"
}
