package kms

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	pageDefault = 100
	pageMax     = 1000
)

// query is what requests of lists have in common.
type query interface {
	GetParent() string
	GetPageSize() int32
	GetPageToken() string
	GetFilter() string
	GetOrderBy() string
}

// listed is list of what find gathers in the parent that a request names.
func listed[M proto.Message](s *Service, q query, depth int, find func(parent name) ([]M, error)) (page []M, next string, total int, err error) {
	all, err := lookUp(s, q.GetParent(), depth, find)
	if err != nil {
		return nil, "", 0, err
	}
	return list(all, q)
}

// list is the page that a request asks for, the token of the next one and how many there are in all.
func list[M proto.Message](all []M, q query) (page []M, next string, total int, err error) {
	keep, err := parseFilter(q.GetFilter())
	if err != nil {
		return nil, "", 0, err
	}
	all = slices.DeleteFunc(all, func(m M) bool { return !keep(m.ProtoReflect()) })
	if err := order(all, q.GetOrderBy()); err != nil {
		return nil, "", 0, err
	}
	return paged(all, q.GetPageSize(), q.GetPageToken(), q.GetParent()+"\n"+q.GetFilter()+"\n"+q.GetOrderBy())
}

// paged cuts a page out of a list. Its token is good for the same question only.
func paged[M any](all []M, size int32, token, question string) (page []M, next string, total int, err error) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(question))
	from := 0
	if token != "" {
		data, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(data) != 8 || binary.BigEndian.Uint32(data) != hash.Sum32() {
			return nil, "", 0, invalid("Invalid page token.")
		}
		from = min(int(binary.BigEndian.Uint32(data[4:])), len(all))
	}
	switch {
	case size < 0:
		return nil, "", 0, invalid("page_size must not be negative.")
	case size == 0:
		size = pageDefault
	}
	to := min(from+int(min(size, pageMax)), len(all))
	if to < len(all) {
		data := binary.BigEndian.AppendUint32(hash.Sum(nil), uint32(to))
		next = base64.RawURLEncoding.EncodeToString(data)
	}
	return all[from:to], next, len(all), nil
}

// order sorts by "name", "create_time desc, name": fields with a direction each. Versions' names
// go by their number.
func order[M proto.Message](all []M, by string) error {
	if strings.TrimSpace(by) == "" || len(all) == 0 {
		return nil
	}
	type column struct {
		path []string
		down bool
	}
	var columns []column
	for part := range strings.SplitSeq(by, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return invalid("Invalid order_by: '%s'.", by)
		}
		path := strings.Split(words[0], ".")
		if !hasField(all[0].ProtoReflect().Descriptor(), path) {
			return invalid("Invalid order_by: '%s': there is no field '%s'.", by, words[0])
		}
		columns = append(columns, column{path, len(words) == 2 && words[1] == "desc"})
	}
	slices.SortStableFunc(all, func(a, b M) int {
		for _, c := range columns {
			d := compare(field(a.ProtoReflect(), c.path), field(b.ProtoReflect(), c.path))
			if c.down {
				d = -d
			}
			if d != 0 {
				return d
			}
		}
		return 0
	})
	return nil
}

// field reads a field as text that can be compared; "" for one that is not set.
func field(m protoreflect.Message, path []string) string {
	fd := fieldNamed(m.Descriptor(), path[0])
	if fd == nil || !m.Has(fd) {
		return ""
	}
	v := m.Get(fd)
	switch {
	case fd.IsMap():
		return v.Map().Get(protoreflect.ValueOfString(strings.Join(path[1:], ".")).MapKey()).String()
	case fd.Kind() == protoreflect.EnumKind:
		if e := fd.Enum().Values().ByNumber(v.Enum()); e != nil {
			return string(e.Name())
		}
	case fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Timestamp":
		return timeText(v.Message())
	case fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Duration":
		return strconv.FormatInt(v.Message().Get(fd.Message().Fields().ByNumber(1)).Int(), 10) + "s"
	case fd.Message() != nil && len(path) > 1:
		return field(v.Message(), path[1:])
	}
	return v.String()
}

// fieldNamed finds a field by its name in definitions or in JSON.
func fieldNamed(d protoreflect.MessageDescriptor, text string) protoreflect.FieldDescriptor {
	if fd := d.Fields().ByName(protoreflect.Name(text)); fd != nil {
		return fd
	}
	return d.Fields().ByJSONName(text)
}

func hasField(d protoreflect.MessageDescriptor, path []string) bool {
	fd := fieldNamed(d, path[0])
	switch {
	case fd == nil:
		return false
	case fd.IsMap():
		return len(path) > 1
	case len(path) > 1:
		return fd.Message() != nil && hasField(fd.Message(), path[1:])
	}
	return true
}

// compare goes by numbers where both end in one after the same text.
func compare(a, b string) int {
	i, j := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
	if a[:i+1] == b[:j+1] {
		x, errX := strconv.Atoi(a[i+1:])
		y, errY := strconv.Atoi(b[j+1:])
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(a, b)
}
