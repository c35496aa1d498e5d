// Package iam is who may do what in the sandbox's Google Cloud: principals and
// their tokens, projects and the APIs they have switched on, roles, policies and
// the one gate through which every call of every service goes.
package iam

import "google.golang.org/protobuf/proto"

// Rule says what one method asks of its caller. Every method of every registered
// service has one; the gate refuses to start a server with a method that has none.
type Rule struct {
	Method string // full gRPC name: "/google.cloud.kms.v1.KeyManagementService/CreateKeyRing"
	API    string // service that must be enabled in the resource's project: "cloudkms.googleapis.com"; "" for none

	Permission string // "cloudkms.keyRings.create"
	None       string // where Permission is "": why this method needs none

	// Resource is the one that the permission is evaluated on, as the API's own
	// relative name ("projects/p/locations/l/keyRings/k"); a project's policy
	// holds for everything below it.
	Resource func(proto.Message) string
	Changes  bool // it changes something: never allowed to a viewer

	// Denied words the refusal as this service does; nil for the common
	// `Permission 'P' denied on resource 'R' (or it may not exist).`
	Denied func(permission, resource string) error
}

// Caller is who makes a call, as its token says.
type Caller struct {
	Email  string   // "" for an anonymous caller
	Member string   // as policies name it: "user:…", "serviceAccount:…", "principal://…"
	Scopes []string // of the token; a call needs cloud-platform or one that covers the API
}
