package main

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
)

const dialect = "https://json-schema.org/draft/2020-12/schema"

// schema is a JSON schema, or a part of one.
type schema map[string]any

// writer makes schemas of Go types; structs become definitions.
type writer struct {
	source
	defs map[string]any
}

func (w writer) of(t reflect.Type) schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return w.of(t.Elem())
	}
	switch t.Kind() {
	case reflect.Struct:
		w.define(t)
		return schema{"$ref": "#/$defs/" + t.Name()}
	case reflect.Slice:
		return schema{"type": "array", "items": w.of(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": w.of(t.Elem())}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Int, reflect.Int64:
		return schema{"type": "integer"}
	}
	s := schema{"type": "string"}
	if values := w.values[nameOf(t)]; t.PkgPath() != "" && len(values) > 0 {
		var all []string
		for _, v := range values {
			all = append(all, v.text)
		}
		s["enum"] = all
	}
	return s
}

func (w writer) define(t reflect.Type) {
	if _, done := w.defs[t.Name()]; done {
		return
	}
	w.defs[t.Name()] = nil // a type may hold itself
	properties, required := schema{}, []string{}
	for _, f := range w.fieldsOf(t) {
		p := w.of(f.typ)
		if f.comment != "" {
			p["description"] = f.comment
		}
		properties[f.key] = p
		if f.required {
			required = append(required, f.key)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if text := w.types[nameOf(t)]; text != "" {
		s["description"] = text
	}
	if len(required) > 0 {
		s["required"] = required
	}
	w.defs[t.Name()] = s
}

// eventsSchema is one line of what `--output json` prints.
func eventsSchema(src source) ([]byte, error) {
	w := writer{src, map[string]any{}}
	all := []schema{w.of(reflect.TypeFor[engine.Event]()), w.of(reflect.TypeFor[engine.Report]()), w.of(reflect.TypeFor[engine.Signed]())}
	for name, verb := range map[string]string{"Report": "status", "Signed": "sign"} {
		w.defs[name].(schema)["properties"].(schema)["type"] = schema{"const": verb}
	}
	var rules []schema
	for _, r := range []struct {
		of   engine.Type
		with []string
	}{
		{engine.TypePlan, []string{"plan"}}, {engine.TypeStep, []string{"step", "status"}}, {engine.TypeProgress, []string{"step", "progress"}},
		{engine.TypeCheck, []string{"check"}}, {engine.TypeVerdict, []string{"verdict"}}, {engine.TypeRemovals, []string{"removals"}}, {engine.TypeSummary, []string{"summary"}},
	} {
		rules = append(rules, schema{
			"if":   schema{"properties": schema{"type": schema{"const": r.of}}},
			"then": schema{"required": r.with},
		})
	}
	w.defs["Event"].(schema)["allOf"] = rules
	return encode(schema{
		"$schema": dialect, "$id": "https://github.com/signgate/signgate/docs/events.schema.json",
		"title":       "A line of signgate --output json",
		"description": "plan, apply, destroy, rotate, doctor and try print events, one a line; the last of a run is its summary. status prints one report, sign one answer.",
		"oneOf":       all, "$defs": w.defs,
	})
}

// setupSchema is the config file.
func setupSchema(source) ([]byte, error) {
	defaults, properties := state.Defaults(), schema{}
	for _, q := range state.Questions() {
		p := schema{"description": plain(q.Ask)}
		for _, more := range []string{rule(q), q.More} {
			if more != "" {
				p["description"] = p["description"].(string) + ". " + sentence(more)
			}
		}
		switch at := q.At(&defaults).(type) {
		case *string:
			p["type"] = "string"
			if *at != "" {
				p["default"] = *at
			}
		case *int:
			p["type"], p["default"] = "integer", *at
		case *bool:
			p["type"], p["default"] = "boolean", *at
		}
		if q.Of != nil {
			p["enum"] = q.Of
		}
		properties[q.Key] = p
	}
	properties[state.KeyParticipants] = schema{
		"description": "of a class: the suffix of each of its setups, or how many there are. apply then says for whom it is (--participant), doctor -f counts all of them",
		"oneOf": []schema{
			{"type": "integer", "minimum": 1},
			{"type": "array", "minItems": 1, "uniqueItems": true, "items": schema{"type": []string{"string", "integer"}}},
		},
	}
	return encode(schema{
		"$schema": dialect, "$id": "https://github.com/signgate/signgate/docs/setup.schema.json",
		"title":       "A setup of signgate (apply -f)",
		"description": "Every key may be left out: its default holds, or a flag says it. Rules that several keys make together, such as the length of a name with its suffix, are checked by signgate alone.",
		"type":        "object", "properties": properties, "additionalProperties": false,
	})
}

// rule is what an answer must be, as signgate says it of one that cannot be.
func rule(q state.Question) string {
	a := state.Defaults()
	switch at := q.At(&a).(type) {
	case *string:
		*at = "\x00"
	case *int:
		*at = -1
	}
	for _, f := range state.Validate(a) {
		if f.Path == q.Key {
			return f.Rule
		}
	}
	return ""
}

func encode(s schema) ([]byte, error) {
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}
