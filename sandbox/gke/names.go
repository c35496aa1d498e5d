package gke

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/iam"
)

// name is what a request is about: a location of a project, and what is in it.
type name struct {
	project  string // id, once it was looked up
	number   string
	location string // zone or region; "-" for all, "" for none
	kind     string // "clusters", "operations", "" for the location itself
	id       string
	pool     string // node pool of the cluster
}

// requested reads the name in either of its forms: one field
// ("projects/P/locations/L/clusters/C"), or one for each part, as before regional
// clusters.
func requested(m proto.Message) name {
	if full := cmp.Or(iam.Field(m, "name"), iam.Field(m, "parent")); full != "" {
		return parse(full)
	}
	n := name{project: iam.Field(m, "project_id"), location: iam.Field(m, "zone"), id: iam.Field(m, "cluster_id"), pool: iam.Field(m, "node_pool_id")}
	if op := iam.Field(m, "operation_id"); op != "" {
		n.kind, n.id = "operations", op
	} else if n.id != "" {
		n.kind = "clusters"
	}
	return n
}

func parse(full string) name {
	var n name
	parts := strings.Split(full, "/")
	for i := 0; i+1 < len(parts); i += 2 {
		switch value := parts[i+1]; parts[i] {
		case "projects":
			n.project = value
		case "locations", "zones":
			n.location = value
		case "clusters", "operations":
			n.kind, n.id = parts[i], value
		case "nodePools":
			n.pool = value
		}
	}
	return n
}

// resource is the name as permissions and refusals have it: zones and regions apart.
func (n name) resource() string {
	text := "projects/" + n.project
	if n.kind == "" {
		return text
	}
	text += "/" + collection(n.location) + "/" + n.location + "/" + n.kind + "/" + n.id
	if n.pool != "" {
		text += "/nodePools/" + n.pool
	}
	return text
}

func (n name) cluster() name {
	n.pool = ""
	return n
}

// link is where the resource is found, with the project's number as operations have
// it, or with its id as clusters do.
func (n name) link(numbered bool) string {
	if numbered {
		n.project = n.number
	}
	return "https://" + Host + "/v1/" + n.resource()
}

func collection(location string) string {
	if isZone(location) {
		return "zones"
	}
	return "locations"
}

func isZone(location string) bool { return strings.Count(location, "-") == 2 }

func regionOf(location string) string {
	if isZone(location) {
		return location[:strings.LastIndex(location, "-")]
	}
	return location
}

// find completes a request's name with the project's id and number. The gate has found
// the project before.
func (s *Service) find(m proto.Message) name {
	n := requested(m)
	if p, ok := s.iam.Project(n.project); ok {
		n.project, n.number = p.ID, p.Number
	}
	return n
}

const (
	clusterName = `(?:[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?)`
	nameRule    = "(only lowercase alphanumerics and '-' allowed, must start with a letter and end with an alphanumeric, and must be no longer than 40 characters)"
)

// validName checks the name of a cluster or node pool.
func validName(field, value string) error {
	if !regexp.MustCompile("^" + clusterName + "$").MatchString(value) {
		return invalid("Invalid value for field \"%s\": \"%s\". Must be a match of regex '%s' %s.", field, value, clusterName, nameRule)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func precondition(format string, args ...any) error {
	return status.Errorf(codes.FailedPrecondition, format, args...)
}

// notFound is the answer for what is not there; a node pool's cluster is.
func notFound(n name) error {
	if n.pool != "" {
		return status.Errorf(codes.NotFound, "Not found: node pool \"%s\" not found.", n.pool)
	}
	return status.Errorf(codes.NotFound, "Not found: %s.", n.resource())
}

func exists(n name) error {
	return status.Errorf(codes.AlreadyExists, "Already exists: %s.", n.resource())
}

// denied is how Kubernetes Engine refuses.
func denied(permission, resource string) error {
	return status.Errorf(codes.PermissionDenied, "Required \"%s\" permission(s) for \"%s\".", permission, resource)
}

// noLocation is the answer for a place that does not exist: that of Google's API front end, which
// looks at the location before the service does. The reason is that of google.api.ErrorReason.
func noLocation(n name) error {
	return iam.Failure(codes.PermissionDenied, fmt.Sprintf("Permission denied on 'locations/%s' (or it may not exist).", n.location),
		&errdetails.ErrorInfo{Reason: "LOCATION_POLICY_VIOLATED", Domain: "googleapis.com",
			Metadata: map[string]string{"consumer": "projects/" + n.project, "location": n.location, "service": Host}})
}
