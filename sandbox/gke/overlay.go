package gke

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// overlay writes what is set in one message over another: messages field by field,
// lists and maps as a whole. (proto.Merge would join lists.)
func overlay(to, from protoreflect.Message) {
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Message() != nil && !field.IsList() && !field.IsMap() && to.Has(field) {
			overlay(to.Mutable(field).Message(), value.Message())
			return true
		}
		to.Set(field, value)
		return true
	})
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
