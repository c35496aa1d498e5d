package front

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/signgate/signgate/sandbox/iam"
)

// Google words what is wrong in a request itself alike for all of its APIs:
// "Invalid JSON payload received. Unknown name …". The transcoder and protojson have
// their own words; here they are turned into Google's.

func badParameter(name, words string) error { return violated(words, name, words) }

// violated is a refusal with one field's violation.
func violated(message, field, words string) error {
	return iam.Failure(codes.InvalidArgument, message,
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: words}}})
}

// invalidField turns protojson's complaint about a body into Google's words: which
// name, in which field.
func invalidField(data []byte, m protoreflect.MessageDescriptor, err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ") // protojson varies its blanks on purpose
	offset := -1
	if at := regexp.MustCompile(`\(line (\d+):(\d+)\)`).FindStringSubmatch(text); at != nil {
		line, _ := strconv.Atoi(at[1])
		column, _ := strconv.Atoi(at[2])
		offset = position(data, line, column)
	}
	path := fieldPath(data, offset)
	if root := bodyField(m); root != "" {
		path = append([]string{root}, path...)
	}
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindString(text[strings.Index(text, ")")+1:])
	if strings.Contains(text, "unknown field") {
		where := ""
		if len(path) > 1 {
			where = " at '" + strings.Join(path[:len(path)-1], ".") + "'"
		}
		return "Invalid JSON payload received. Unknown name " + quoted + where + ": Cannot find field."
	}
	where := strings.Join(path, ".")
	_, value, ok := strings.Cut(text, "invalid value for ")
	if ok {
		_, value, _ = strings.Cut(value, ": ")
	} else if _, value, ok = strings.Cut(text, "unexpected token "); !ok {
		return fmt.Sprintf("Invalid JSON payload received. Invalid value at '%s'.", where)
	}
	fd := fieldAt(m, path)
	if fd == nil { // not in a field: all of it
		return `Invalid JSON payload received. Unknown name "": Root element must be a message.`
	}
	kind := typeWord(fd)
	if value = strings.TrimSpace(value); kind == "TYPE_BYTES" && strings.HasPrefix(value, `"`) {
		value = "Base64 decoding failed for " + value
	}
	return fmt.Sprintf("Invalid value at '%s' (%s), %s", where, kind, value)
}

// typeWord names a field's type as Google's front end does.
func typeWord(fd protoreflect.FieldDescriptor) string {
	switch {
	case fd.Enum() != nil:
		return "type.googleapis.com/" + string(fd.Enum().FullName())
	case fd.Message() != nil:
		return "type.googleapis.com/" + string(fd.Message().FullName())
	}
	return "TYPE_" + strings.ToUpper(fd.Kind().String())
}

// fieldAt is the field at a path into a body ("crypto_key", "labels", "a key"); nil where
// there is none.
func fieldAt(m protoreflect.MessageDescriptor, path []string) protoreflect.FieldDescriptor {
	if root := bodyField(m); root != "" {
		path = path[1:]
	}
	var fd protoreflect.FieldDescriptor
	for _, name := range path {
		switch {
		case fd != nil && fd.IsMap():
			fd = fd.MapValue()
			continue
		case fd != nil:
			m = fd.Message()
		}
		if m == nil {
			return nil
		}
		name, _, _ = strings.Cut(name, "[")
		if fd = m.Fields().ByName(protoreflect.Name(name)); fd == nil {
			return nil
		}
	}
	return fd
}

// bodyField is the field of the request that a body stands for where it is not the whole
// request: by the rules for APIs (google.aip.dev/133) it has the resource's name.
func bodyField(m protoreflect.MessageDescriptor) string {
	name := string(m.Name())
	if strings.HasSuffix(name, "Request") {
		return ""
	}
	return snake(name)
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// position is the offset of a line and column, both from 1.
func position(data []byte, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return len(data)
		}
		at += i + 1
	}
	return min(at+column-1, len(data))
}

// level is an object or a list that is open where reading has come to.
type level struct {
	array bool
	item  int
	name  string // of the member that is being read; "" before the first
	value bool   // the name was read, its value comes next
}

// open follows one token: what it opens, names or ends.
func open(levels []level, token json.Token) []level {
	last := len(levels) - 1
	name, isText := token.(string)
	switch {
	case token == json.Delim('{'), token == json.Delim('['):
		return append(levels, level{array: token == json.Delim('[')})
	case isText && waitsForName(levels):
		levels[last].name, levels[last].value = name, true
		return levels
	case token == json.Delim('}'), token == json.Delim(']'):
		levels = levels[:last]
	}
	if last = len(levels) - 1; last >= 0 { // a value has ended
		levels[last].value = false
		levels[last].item++
	}
	return levels
}

// waitsForName says whether a member's name comes next.
func waitsForName(levels []level) bool {
	if len(levels) == 0 {
		return false
	}
	top := levels[len(levels)-1]
	return !top.array && !top.value
}

// fieldPath is the path to the name or value at offset, names as in definitions
// (snake case), items as "name[0]".
func fieldPath(data []byte, offset int) []string {
	var levels []level
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		reached := offset >= 0 && int(d.InputOffset()) > offset
		if _, name := token.(string); !reached || name && waitsForName(levels) {
			levels = open(levels, token)
		}
		if reached {
			break
		}
	}
	var path []string
	for _, l := range levels {
		switch {
		case l.array && len(path) > 0:
			path[len(path)-1] += fmt.Sprintf("[%d]", l.item)
		case !l.array && l.name != "":
			path = append(path, snake(l.name))
		}
	}
	return path
}

func unboundParameter(name string) string {
	return fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter. Field '%s' could not be found in request message.", name, name)
}

// reworded puts the transcoder's complaints about a request in Google's words.
func reworded(s *spb.Status) *spb.Status {
	words, text := "", s.GetMessage()
	if m := regexp.MustCompile(`^unknown field in field path "([^"]*)"`).FindStringSubmatch(text); m != nil {
		words = unboundParameter(m[1])
	} else if m := regexp.MustCompile(`^invalid parameter "([^"]*)" value for type "([^"]*)": (.*)$`).FindStringSubmatch(text); m != nil {
		words = fmt.Sprintf("Invalid value at '%s' (TYPE_%s), %q", m[1], strings.ToUpper(m[2]), m[3])
	} else if m := regexp.MustCompile(`^invalid parameter "([^"]*)": `).FindStringSubmatch(text); m != nil {
		words = fmt.Sprintf("Invalid value at '%s'", m[1])
	} else if strings.HasPrefix(text, "request should have no body") || strings.HasPrefix(text, "invalid field path") {
		words = "Request contains an invalid argument."
	}
	if words == "" || len(s.GetDetails()) > 0 {
		return s
	}
	return &spb.Status{Code: int32(codes.InvalidArgument), Message: words}
}

// violation is the detail that goes with a refusal of what is in a request.
func violation(s *spb.Status) []json.RawMessage {
	message := s.GetMessage()
	if len(s.GetDetails()) > 0 || !strings.HasPrefix(message, "Invalid JSON payload received. Unknown name") && !strings.HasPrefix(message, "Invalid value at ") {
		return nil
	}
	field := ""
	if m := regexp.MustCompile(` at '([^']+)'`).FindStringSubmatch(message); m != nil {
		field = m[1]
	}
	detail, err := anypb.New(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: message}}})
	if err != nil {
		return nil
	}
	text, err := protojson.Marshal(detail)
	if err != nil {
		return nil
	}
	return []json.RawMessage{text}
}
