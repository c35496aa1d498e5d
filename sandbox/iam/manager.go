package iam

import (
	"context"
	"maps"
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
