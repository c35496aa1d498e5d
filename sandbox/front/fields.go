package front

import (
	"encoding/json"
	"strings"
)

// mask is what the parameter "fields" selects: a tree of names. One without
// children selects everything below it.
type mask map[string]mask

// selectFields leaves of an answer what the selections name:
// "name,keyRings(name,createTime),operation/metadata", "*" for any name.
func selectFields(body []byte, selections []string) []byte {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return body
	}
	m := mask{}
	for _, s := range selections {
		parseFields(s, m)
	}
	out, err := json.Marshal(pick(value, m))
	if err != nil {
		return body
	}
	return out
}

// fieldsDepth bounds how deep a selection nests; answers are never as deep.
const fieldsDepth = 64

// parseFields adds a selection to m. What is wrong in one selects nothing.
func parseFields(text string, m mask) {
	stack, at, name := []mask{m}, m, ""
	take := func() {
		if name = strings.TrimSpace(name); name != "" {
			if at[name] == nil {
				at[name] = mask{}
			}
			at = at[name]
		}
		name = ""
	}
	for _, r := range text {
		switch r {
		case '/', '.':
			take()
		case ',':
			take()
			at = stack[len(stack)-1]
		case '(':
			take()
			if len(stack) == fieldsDepth {
				return
			}
			stack = append(stack, at)
		case ')':
			take()
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
			at = stack[len(stack)-1]
		default:
			name += string(r)
		}
	}
	take()
}

func pick(value any, m mask) any {
	if len(m) == 0 {
		return value
	}
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = pick(v[i], m)
		}
		return v
	case map[string]any:
		for name, child := range v {
			below, ok := m[name]
			if !ok {
				below, ok = m["*"]
			}
			if !ok {
				delete(v, name)
				continue
			}
			v[name] = pick(child, below)
		}
		return v
	}
	return value
}
