package front

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// mask is what the parameter "fields" selects: a tree of names. One without
// children selects everything below it.
type mask map[string]mask

// selected is what the selections name together:
// "name,keyRings(name,createTime),operation/metadata", "*" for any name.
func selected(selections []string) mask {
	m := mask{}
	for _, s := range selections {
		parseFields(s, m)
	}
	return m
}

// absent is the first path that a message does not have; "" if it has them all. What is in
// a map, or in a message that can be any, is not known before.
func (m mask) absent(d protoreflect.MessageDescriptor, at string) string {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		below := m[name]
		if name == "*" {
			continue
		}
		fd := d.Fields().ByJSONName(name)
		if fd == nil {
			fd = d.Fields().ByName(protoreflect.Name(name))
		}
		if fd == nil {
			return at + name
		}
		if len(below) == 0 || fd.IsMap() || fd.Message() != nil && strings.HasPrefix(string(fd.Message().FullName()), "google.protobuf.") {
			continue
		}
		if fd.Message() == nil {
			return at + name + "." + slices.Min(slices.Collect(maps.Keys(below)))
		}
		if path := below.absent(fd.Message(), at+name+"."); path != "" {
			return path
		}
	}
	return ""
}

type layoutKey struct{}

// checkFields refuses calls over REST whose answer cannot have the fields that the client
// selects, before they do anything. The transcoder has found out which method it is.
func checkFields(srv http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lay, _ := r.Context().Value(layoutKey{}).(layout)
		if len(lay.fields) > 0 {
			name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/"), "/", "."))
			d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
			if method, ok := d.(protoreflect.MethodDescriptor); ok && err == nil {
				if path := selected(lay.fields).absent(method.Output(), ""); path != "" {
					refuseGRPC(w, badFields(path))
					return
				}
			}
		}
		srv.ServeHTTP(w, r)
	})
}

func badFields(path string) error {
	return violated("Request contains an invalid argument.", path, "Error expanding 'fields' parameter. Cannot find matching fields for path '"+path+"'.")
}

// refuseGRPC answers a call over gRPC with an error alone.
func refuseGRPC(w http.ResponseWriter, err error) {
	s := status.Convert(err)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	w.Header().Set("Grpc-Message", s.Message())
	if details, err := proto.Marshal(s.Proto()); err == nil {
		w.Header().Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
	}
}

// selectFields leaves of an answer what a selection names.
func selectFields(body []byte, m mask) []byte {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return body
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
				below, ok = m[snake(name)] // as definitions have it
			}
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
