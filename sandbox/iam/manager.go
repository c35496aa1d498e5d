package iam

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// projects is Resource Manager v3, as far as projects go.
type projects struct {
	resourcemanagerpb.UnimplementedProjectsServer
	iam *IAM
}

// ProjectsServer is Resource Manager v3 behind the gate: for whoever has admitted a
// call already, as its older version does.
func (k *IAM) ProjectsServer() resourcemanagerpb.ProjectsServer { return &projects{iam: k} }

// Proto is the project as Resource Manager shows it.
func (p Project) Proto() *resourcemanagerpb.Project {
	out := &resourcemanagerpb.Project{
		Name: "projects/" + p.Number, Parent: p.Parent, ProjectId: p.ID, DisplayName: p.DisplayName, Labels: p.Labels,
		State: resourcemanagerpb.Project_ACTIVE, CreateTime: stamp(p.Created), UpdateTime: stamp(p.Updated),
		Etag: p.etag(),
	}
	if p.State == DeleteRequested {
		out.State, out.DeleteTime = resourcemanagerpb.Project_DELETE_REQUESTED, stamp(p.Deleted)
	}
	return out
}

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

// stamp is a time as Resource Manager shows it, to the microsecond.
func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t.Truncate(time.Microsecond)) }

// found is the project of a name; the gate has seen that the caller may do something
// with it, so it is there.
func (s *projects) found(name string) (Project, error) {
	p, ok := s.iam.Project(projectOf(name))
	if !ok {
		return p, CallerDenied("", "")
	}
	return p, nil
}

func (s *projects) GetProject(_ context.Context, req *resourcemanagerpb.GetProjectRequest) (*resourcemanagerpb.Project, error) {
	p, err := s.found(req.GetName())
	if err != nil {
		return nil, err
	}
	return p.Proto(), nil
}

func (s *projects) ListProjects(_ context.Context, req *resourcemanagerpb.ListProjectsRequest) (*resourcemanagerpb.ListProjectsResponse, error) {
	var all []*resourcemanagerpb.Project
	for _, p := range s.iam.Projects() {
		if p.Parent == req.GetParent() && (p.State == Active || req.GetShowDeleted()) {
			all = append(all, p.Proto())
		}
	}
	part, next, err := Page(all, req.GetPageSize(), 300, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &resourcemanagerpb.ListProjectsResponse{Projects: part, NextPageToken: next}, nil
}

func (s *projects) SearchProjects(ctx context.Context, req *resourcemanagerpb.SearchProjectsRequest) (*resourcemanagerpb.SearchProjectsResponse, error) {
	found, err := s.iam.SearchProjects(FromContext(ctx), req.GetQuery(), true)
	if err != nil {
		return nil, err
	}
	var all []*resourcemanagerpb.Project
	for _, p := range found {
		all = append(all, p.Proto())
	}
	part, next, err := Page(all, req.GetPageSize(), 500, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &resourcemanagerpb.SearchProjectsResponse{Projects: part, NextPageToken: next}, nil
}

// CreateProject makes a project that its maker owns, with the APIs on that new
// projects have.
func (s *projects) CreateProject(ctx context.Context, req *resourcemanagerpb.CreateProjectRequest) (*longrunningpb.Operation, error) {
	want := req.GetProject()
	if err := validProject(want); err != nil {
		return nil, err
	}
	k, parent, maker := s.iam, s.iam.parentOr(want.GetParent()), FromContext(ctx).Member
	var op *longrunningpb.Operation
	err := k.change(func(st *state) error {
		if st.Projects[want.GetProjectId()] != nil {
			return status.Error(codes.AlreadyExists, "Requested entity already exists")
		}
		if !k.room(AllProjects, len(st.Projects)) {
			op = k.fail(st, "operations/cp."+digits(19), maker, noMoreProjects())
			return nil
		}
		name := want.GetDisplayName()
		if name == "" {
			name = want.GetProjectId()
		}
		p := newProject(want.GetProjectId(), name, parent, k.apis.initial(), k.clock().Add(k.latency.CreateProject))
		p.Labels = maps.Clone(want.GetLabels())
		if k.latency.CreateProject > 0 {
			p.Ready = p.Created
		}
		meta := &resourcemanagerpb.CreateProjectMetadata{CreateTime: stamp(p.Created), Gettable: true, Ready: true}
		var err error
		if op, err = k.begin(st, "operations/cp."+digits(19), p.ID, k.latency.CreateProject, meta, p.copy().Proto()); err != nil {
			return err
		}
		st.Projects[p.ID], k.numbers[p.Number] = p, p.ID
		owners := newPolicy(binding{Role: "roles/owner", Members: []string{maker}})
		st.Policies["projects/"+p.ID], k.grants["projects/"+p.ID] = owners, k.compile(owners)
		return nil
	})
	return op, err
}

// edit changes a project and answers with an operation that is done.
func (s *projects) edit(name string, metadata proto.Message, edit func(*Project) error) (*longrunningpb.Operation, error) {
	k := s.iam
	var op *longrunningpb.Operation
	err := k.change(func(st *state) error {
		p := k.project(projectOf(name))
		if p == nil {
			return CallerDenied("", "")
		}
		next := p.copy()
		if err := edit(&next); err != nil {
			return err
		}
		next.Updated = k.clock()
		begun, err := k.begin(st, "operations/up."+digits(19), p.ID, 0, metadata, next.Proto())
		if err != nil {
			return err
		}
		*p, op = next, begun
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k.operation(op.GetName())
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

func (s *projects) DeleteProject(_ context.Context, req *resourcemanagerpb.DeleteProjectRequest) (*longrunningpb.Operation, error) {
	return s.edit(req.GetName(), &resourcemanagerpb.DeleteProjectMetadata{}, func(p *Project) error {
		if p.State != Active {
			return status.Error(codes.PermissionDenied, "Cannot delete an inactive project.") // 403 it is
		}
		p.State, p.Deleted = DeleteRequested, s.iam.clock()
		return nil
	})
}

func (s *projects) UndeleteProject(_ context.Context, req *resourcemanagerpb.UndeleteProjectRequest) (*longrunningpb.Operation, error) {
	return s.edit(req.GetName(), &resourcemanagerpb.UndeleteProjectMetadata{}, func(p *Project) error {
		if p.State != DeleteRequested {
			return status.Error(codes.FailedPrecondition, "Cannot undelete an active project.")
		}
		p.State, p.Deleted = Active, time.Time{}
		return nil
	})
}

func (s *projects) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := s.found(req.GetResource()); err != nil {
		return nil, err
	}
	return s.iam.GetIamPolicy(req)
}

func (s *projects) SetIamPolicy(_ context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := s.found(req.GetResource()); err != nil {
		return nil, err
	}
	return s.iam.SetIamPolicy(req)
}

func (s *projects) TestIamPermissions(ctx context.Context, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := s.found(req.GetResource()); err != nil {
		return nil, err
	}
	return s.iam.TestIamPermissions(FromContext(ctx), req)
}
