package iam

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// etag tells the project's states apart. Its second half is made of the first, by which
// it is known for one that this project had.
func (p Project) etag() string {
	sum := sha256.Sum256(fmt.Append(nil, p.Number, p.DisplayName, p.State, p.Parent, p.Labels, p.Updated.UnixNano()))
	return p.sealed(sum[:8])
}

func (p Project) sealed(half []byte) string {
	sum := sha256.Sum256(append([]byte(p.Number), half...))
	return base64.StdEncoding.EncodeToString(append(slices.Clone(half), sum[:8]...))
}

// unchanged is nil unless a client has read another state of the project. An etag that it
// never had counts as none.
func (p Project) unchanged(etag string) error {
	data, err := base64.StdEncoding.DecodeString(etag)
	if err != nil || len(data) != 16 || p.sealed(data[:8]) != etag || etag == p.etag() {
		return nil
	}
	return status.Error(codes.Aborted, "The operation was aborted.")
}

func (s *projects) UpdateProject(_ context.Context, req *resourcemanagerpb.UpdateProjectRequest) (*longrunningpb.Operation, error) {
	want, paths := req.GetProject(), req.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		paths = []string{"display_name", "labels"}
	}
	return s.edit(want.GetName(), &resourcemanagerpb.UpdateProjectMetadata{}, func(p *Project) error {
		if err := p.unchanged(want.GetEtag()); err != nil {
			return err
		}
		return p.update(want, paths)
	})
}

// update takes over what a client says of a project, as far as the paths go.
func (p *Project) update(want *resourcemanagerpb.Project, paths []string) error {
	if p.State != Active {
		return status.Error(codes.FailedPrecondition, "Cannot update an inactive project.")
	}
	for _, path := range paths {
		field, key, deeper := strings.Cut(path, ".")
		switch {
		case field == "display_name" && !deeper:
			if want.GetDisplayName() == "" {
				return badField("display_name", "display_name must not be empty")
			}
			p.DisplayName = want.GetDisplayName()
		case field == "labels" && deeper:
			p.Labels = maps.Clone(p.Labels)
			if v, ok := want.GetLabels()[key]; ok {
				if p.Labels == nil {
					p.Labels = map[string]string{}
				}
				p.Labels[key] = v
			} else {
				delete(p.Labels, key)
			}
		case field == "labels":
			p.Labels = maps.Clone(want.GetLabels())
		default:
			return badRequest()
		}
	}
	return validProject(&resourcemanagerpb.Project{ProjectId: p.ID, DisplayName: p.DisplayName, Labels: p.Labels})
}

// ReplaceProject is how version 1 updates one: name and labels, and the parent if there is
// one, all at once or not at all.
func (k *IAM) ReplaceProject(ctx context.Context, want *resourcemanagerpb.Project) (*resourcemanagerpb.Project, error) {
	s := &projects{iam: k}
	now, err := s.found(want.GetName())
	if err != nil {
		return nil, err
	}
	to := want.GetParent()
	moves := to != "" && to != now.Parent
	if moves {
		if err := k.Check(FromContext(ctx), "resourcemanager.projects.move", want.GetName()); err != nil {
			return nil, CallerDenied("", "")
		}
		if err := s.mayMove(ctx, to); err != nil {
			return nil, err
		}
	}
	_, err = s.edit(want.GetName(), &resourcemanagerpb.UpdateProjectMetadata{}, func(p *Project) error {
		if moves {
			p.Parent = to
		}
		return p.update(want, []string{"display_name", "labels"})
	})
	if err != nil {
		return nil, err
	}
	return s.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: want.GetName()})
}

// MoveProject puts a project elsewhere.
func (s *projects) MoveProject(ctx context.Context, req *resourcemanagerpb.MoveProjectRequest) (*longrunningpb.Operation, error) {
	to := req.GetDestinationParent()
	if err := s.mayMove(ctx, to); err != nil {
		return nil, err
	}
	return s.edit(req.GetName(), &resourcemanagerpb.MoveProjectMetadata{}, func(p *Project) error {
		p.Parent = to
		return nil
	})
}

// mayMove is nil if the caller is allowed to make projects where one is to go.
func (s *projects) mayMove(ctx context.Context, to string) error {
	if !validParent(to) || to == "" {
		return badRequest()
	}
	return s.iam.permit(FromContext(ctx), Rule{Permission: "resourcemanager.projects.create", Denied: DeniedBy(Manager)}, to)
}
