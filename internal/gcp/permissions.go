package gcp

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/googleapis/gax-go/v2"
)

// PermissionTester is the method that the client of each service with resources of its own has.
type PermissionTester interface {
	TestIamPermissions(context.Context, *iampb.TestIamPermissionsRequest, ...gax.CallOption) (*iampb.TestIamPermissionsResponse, error)
}

// HeldOn returns those of the permissions that the caller holds on a resource of this
// client's service, by policies on it and above it. It asks for each by name and
// never expands a role: an owner holds what no list of roles would tell. The
// service refuses the whole question if one of them cannot be tested on such a
// resource; of a resource that is not there it may answer none as well as not
// found. Organisation policies do not count.
func HeldOn(ctx context.Context, service PermissionTester, resource string, permissions []string) ([]string, error) {
	var held []string
	for part := range slices.Chunk(permissions, 100) { // the most that one call takes
		resp, err := service.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: resource, Permissions: part})
		if err != nil {
			return nil, fmt.Errorf("test permissions on %s: %w", resource, err)
		}
		held = append(held, resp.GetPermissions()...)
	}
	return held, nil
}
