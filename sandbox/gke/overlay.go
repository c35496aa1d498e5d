package gke

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// overlay writes what is set in one message over another: messages field by field,
// lists, maps and switches as a whole. (proto.Merge would join lists.)
func overlay(to, from protoreflect.Message) {
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Message() != nil && !field.IsList() && !field.IsMap() && to.Has(field) && !switches(field.Message()) {
			overlay(to.Mutable(field).Message(), value.Message())
			return true
		}
		to.Set(field, value)
		return true
	})
}

// switches says whether a message is nothing but switches. One that is off looks like one
// that is not given, so they are all given with their message.
func switches(m protoreflect.MessageDescriptor) bool {
	for i := range m.Fields().Len() {
		if field := m.Fields().Get(i); field.Kind() != protoreflect.BoolKind || field.HasPresence() {
			return false
		}
	}
	return m.Fields().Len() > 0
}

// or is the message, or an empty one in place of none.
func or[M any, P interface {
	*M
	proto.Message
}](m P) P {
	if m == nil {
		return new(M)
	}
	return m
}
