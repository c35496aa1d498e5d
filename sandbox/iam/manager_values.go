package iam

import (
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
)

// badField is Resource Manager's refusal of a value.
func badField(field, issue string) error {
	return Failure(codes.InvalidArgument, fmt.Sprintf("field [%s] has issue [%s]", field, issue),
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: issue}}},
		&errdetails.Help{Links: []*errdetails.Help_Link{{Url: "https://cloud.google.com/resource-manager/reference/rest/v1/projects"}}})
}

// validProject checks what a person chooses of a project.
func validProject(p *resourcemanagerpb.Project) error {
	id, name := p.GetProjectId(), p.GetDisplayName()
	switch {
	case len(id) < 6:
		return badField("project_id", "project_id must be at least 6 characters long")
	case len(id) > 30:
		return badField("project_id", "project_id must be at most 30 characters long")
	case !word(id, true), id[0] < 'a' || id[0] > 'z', id[len(id)-1] == '-':
		return badField("project_id", "project_id contains invalid characters")
	case slices.ContainsFunc([]string{"google", "ssl", "undefined", "null"}, func(w string) bool { return strings.Contains(id, w) }):
		return badField("project_id", "project_id contains prohibited words")
	case name != "" && len(name) < 4:
		return badField("display_name", "display_name must be at least 4 characters long")
	case len(name) > 30:
		return badField("display_name", "display_name must be at most 30 characters long")
	case !validParent(p.GetParent()):
		return badRequest()
	case len(p.GetLabels()) > 64:
		return badField("labels", "labels must have at most 64 entries")
	}
	for key, value := range p.GetLabels() {
		if key == "" || len(key) > 63 || len(value) > 63 || key != strings.ToLower(key) || value != strings.ToLower(value) {
			return badField("labels", fmt.Sprintf("label %q=%q does not conform to the rules of labels", key, value))
		}
	}
	return nil
}

// word says whether a text has lower case letters, digits and, where they may be, hyphens only.
func word(s string, hyphens bool) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && (r != '-' || !hyphens) {
			return false
		}
	}
	return true
}

func validParent(parent string) bool {
	kind, id, _ := strings.Cut(parent, "/")
	return parent == "" || (kind == "organizations" || kind == "folders") && id != "" && !strings.Contains(id, "/")
}
