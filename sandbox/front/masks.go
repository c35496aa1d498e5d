package front

import (
	"encoding/json"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Google's front end takes the paths of a field mask as definitions have them
// ("display_name") as well as in JSON's way ("displayName"). The JSON of protobuf knows
// the second only.

// camel turns snake case into JSON's way.
func camel(path string) string {
	parts := strings.Split(path, "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// camelMasks rewrites the field masks in a body, if there are any to rewrite.
func camelMasks(data []byte, m protoreflect.MessageDescriptor) []byte {
	if !strings.Contains(string(data), "_") {
		return data
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return data
	}
	changed := false
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		if fd.Message() == nil || fd.Message().FullName() != "google.protobuf.FieldMask" || fd.IsList() {
			continue
		}
		for _, name := range []string{fd.JSONName(), string(fd.Name())} {
			var mask string
			if value, ok := fields[name]; ok && json.Unmarshal(value, &mask) == nil && strings.Contains(mask, "_") {
				fields[name], _ = json.Marshal(camel(mask)) // text
				changed = true
			}
		}
	}
	if !changed {
		return data
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return data
	}
	return out
}

// emptyValues gives metadata that hold nothing their value: protobuf's JSON leaves it out,
// Google's does not. Of an operation's response it leaves it out too.
func emptyValues(text []byte) []byte {
	if !strings.Contains(string(text), "google.protobuf.Empty") {
		return text
	}
	empty := regexp.MustCompile(`"metadata":\s*\{\s*"@type":\s*"type\.googleapis\.com/google\.protobuf\.Empty"`)
	return empty.ReplaceAll(text, []byte(`$0,"value":{}`))
}
