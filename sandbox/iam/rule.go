// Package iam is who may do what in the sandbox's Google Cloud: principals and
// their tokens, projects and the APIs they have switched on, roles, policies and
// the one gate through which every call of every service goes. The services that
// manage these things (Resource Manager, Cloud Billing, Service Usage and IAM)
// are here too, over the same store.
package iam

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Rule says what one method asks of its caller. Every method of every registered
// service has one; the gate refuses to start a server with a method that has none.
type Rule struct {
	Method string // full gRPC name: "/google.cloud.kms.v1.KeyManagementService/CreateKeyRing"
	API    string // service that must be enabled in the resource's project: "cloudkms.googleapis.com"; "" for none

	Permission string // "cloudkms.keyRings.create"
	None       string // where Permission is "": why this method needs none

	// Resource is the one that the permission is evaluated on, as the API's own
	// relative name ("projects/p/locations/l/keyRings/k"); a project's policy
	// holds for everything below it. Nil: the request's name, parent or resource.
	Resource func(proto.Message) string
	Changes  bool // it changes something: never allowed to a viewer

	// Scopes cover the method besides cloud-platform; nil for those that the API's
	// own definition names.
	Scopes []string

	// Unserved methods are known but no part of the sandbox: whoever has the
	// permission is told so (UNIMPLEMENTED), everybody else is refused.
	Unserved bool

	// Denied words the refusal as this service does; nil for the common
	// `Permission 'P' denied on resource 'R' (or it may not exist).`
	Denied func(permission, resource string) error
}

// Caller is who makes a call, as its token says.
type Caller struct {
	Email  string   // "" for an anonymous caller
	Member string   // as policies name it: "user:…", "serviceAccount:…", "principal://…"
	Scopes []string // of the token; a call needs cloud-platform or one that covers the API
	Pod    Pod      // of a pod with an identity of its own
}

// target is the resource that a call is about.
func (r Rule) target(m proto.Message) string {
	if r.Resource != nil {
		return r.Resource(m)
	}
	return Target(m)
}

// Target reads the resource from the field that nearly all of Google's requests
// have it in: name, parent or resource; or, where a request has none of these, the name
// of the message that it carries ("UpdateCryptoKeyRequest.crypto_key.name").
func Target(m proto.Message) string {
	own := false
	for _, field := range []protoreflect.Name{"name", "parent", "resource"} {
		if v := Field(m, field); v != "" {
			return v
		}
		own = own || m.ProtoReflect().Descriptor().Fields().ByName(field) != nil
	}
	if own {
		return ""
	}
	v := ""
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if fd.Message() != nil && !fd.IsList() && !fd.IsMap() {
			v = Field(value.Message().Interface(), "name")
		}
		return v == ""
	})
	return v
}

// Field is a request's string field; "" if there is none of that name.
func Field(m proto.Message, name protoreflect.Name) string {
	r := m.ProtoReflect()
	fd := r.Descriptor().Fields().ByName(name)
	if fd == nil || fd.Kind() != protoreflect.StringKind || fd.IsList() {
		return ""
	}
	return r.Get(fd).String()
}

// Unserved gives a rule to every method of the service for which have has none.
// Reading ones ask for the permission read and changing ones for the permission
// change, on the resource that the request names.
func Unserved(service *grpc.ServiceDesc, have []Rule, api, read, change string) []Rule {
	var rules []Rule
	for _, m := range service.Methods {
		method := "/" + service.ServiceName + "/" + m.MethodName
		if slices.ContainsFunc(have, func(r Rule) bool { return r.Method == method }) {
			continue
		}
		rule := Rule{Method: method, API: api, Permission: change, Changes: Changing(m.MethodName), Unserved: true}
		if !rule.Changes {
			rule.Permission = read
		}
		rules = append(rules, rule)
	}
	return rules
}
