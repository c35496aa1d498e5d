package admin

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// v1 is the first version of Resource Manager, which gcloud and Terraform still speak:
// other messages and another search, the same projects.
type v1 struct {
	iam      *iam.IAM
	projects resourcemanagerpb.ProjectsServer
	mux      *http.ServeMux
}

// newV1 binds its methods. A verb after the last colon ("projects/P:getIamPolicy") is
// no pattern of Go's, so it is looked up by itself.
func newV1(k *iam.IAM) http.Handler {
	v := &v1{iam: k, projects: k.ProjectsServer(), mux: http.NewServeMux()}
	v.mux.HandleFunc("GET /v1/projects", v.list)
	v.mux.HandleFunc("POST /v1/projects", v.create)
	v.mux.HandleFunc("GET /v1/projects/{id}", v.get)
	v.mux.HandleFunc("PUT /v1/projects/{id}", v.update)
	v.mux.HandleFunc("DELETE /v1/projects/{id}", v.delete)
	v.mux.HandleFunc("POST /v1/projects/{verb}", v.verb)
	v.mux.HandleFunc("GET /v1/operations/{id}", v.operation)
	v.mux.HandleFunc("GET /v1/organizations/{id}", v.organization)
	v.mux.HandleFunc("POST /v1/organizations:search", v.organizations)
	v.mux.HandleFunc("/", front.NotFound)
	return v.mux
}

// serve takes a call through the gate and writes its answer.
func (v *v1) serve(w http.ResponseWriter, r *http.Request, method string, rule iam.Rule, resource string, do func(context.Context) (any, error), known ...string) {
	rule.API, rule.Denied = iam.Manager, iam.CallerDenied
	if strings.HasSuffix(method, "SetIamPolicy") {
		rule.Denied = func(string, string) error {
			return status.Error(codes.PermissionDenied, "Policy update access denied.")
		}
	}
	rule.Method = "/google.cloudresourcemanager.v1." + method
	front.ServeBesides(v.iam, w, r, rule, resource, do, known...)
}

func (v *v1) list(w http.ResponseWriter, r *http.Request) {
	v.serve(w, r, "Projects/ListProjects", iam.Rule{None: "lists what the caller may get"}, "", func(ctx context.Context) (any, error) {
		query := r.URL.Query()
		found, err := v.iam.SearchProjects(iam.FromContext(ctx), query.Get("filter"), false)
		if err != nil {
			return nil, err
		}
		given := cmp.Or(query.Get("pageSize"), query.Get("page_size"))
		size, err := strconv.ParseInt("0"+given, 10, 32)
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "Invalid value at 'page_size' (TYPE_INT32), %q", given)
		}
		part, next, err := iam.Page(found, int32(size), 1000, cmp.Or(query.Get("pageToken"), query.Get("page_token")))
		if err != nil {
			return nil, err
		}
		out := projectList{NextPageToken: next}
		for _, p := range part {
			out.Projects = append(out.Projects, older(p.Proto()))
		}
		return out, nil
	}, "filter", "pageSize", "page_size", "pageToken", "page_token")
}

func (v *v1) create(w http.ResponseWriter, r *http.Request) {
	want, err := readProject(r)
	parent := want.newer().GetParent()
	if parent == "" {
		parent = v.iam.Organization().Name
	}
	v.serve(w, r, "Projects/CreateProject", iam.Rule{Permission: "resourcemanager.projects.create", Changes: true}, parent, func(ctx context.Context) (any, error) {
		if err != nil {
			return nil, err
		}
		op, err := v.projects.CreateProject(ctx, &resourcemanagerpb.CreateProjectRequest{Project: want.newer()})
		if err != nil {
			return nil, err
		}
		return operation{Name: op.GetName()}, nil
	})
}

func name(r *http.Request) string { return "projects/" + r.PathValue("id") }

func (v *v1) get(w http.ResponseWriter, r *http.Request) {
	v.serve(w, r, "Projects/GetProject", iam.Rule{Permission: "resourcemanager.projects.get"}, name(r), func(ctx context.Context) (any, error) {
		p, err := v.projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: name(r)})
		if err != nil {
			return nil, err
		}
		return older(p), nil
	})
}

// update replaces name, labels and parent.
func (v *v1) update(w http.ResponseWriter, r *http.Request) {
	v.serve(w, r, "Projects/UpdateProject", iam.Rule{Permission: "resourcemanager.projects.update", Changes: true}, name(r), func(ctx context.Context) (any, error) {
		sent, err := readProject(r)
		if err != nil {
			return nil, err
		}
		want := sent.newer()
		want.Name = name(r)
		p, err := v.iam.ReplaceProject(ctx, want)
		if err != nil {
			return nil, err
		}
		return older(p), nil
	})
}

func (v *v1) delete(w http.ResponseWriter, r *http.Request) {
	v.serve(w, r, "Projects/DeleteProject", iam.Rule{Permission: "resourcemanager.projects.delete", Changes: true}, name(r), func(ctx context.Context) (any, error) {
		_, err := v.projects.DeleteProject(ctx, &resourcemanagerpb.DeleteProjectRequest{Name: name(r)})
		return struct{}{}, err
	})
}

// verb serves POST projects/P:VERB.
func (v *v1) verb(w http.ResponseWriter, r *http.Request) {
	id, verb, _ := strings.Cut(r.PathValue("verb"), ":")
	r.SetPathValue("id", id)
	switch verb {
	case "undelete":
		v.serve(w, r, "Projects/UndeleteProject", iam.Rule{Permission: "resourcemanager.projects.undelete", Changes: true}, name(r), func(ctx context.Context) (any, error) {
			if err := front.DecodeBody(r, message("UndeleteProjectRequest")); err != nil {
				return nil, err
			}
			_, err := v.projects.UndeleteProject(ctx, &resourcemanagerpb.UndeleteProjectRequest{Name: name(r)})
			return struct{}{}, err
		})
	case "getAncestry":
		v.serve(w, r, "Projects/GetAncestry", iam.Rule{Permission: "resourcemanager.projects.get"}, name(r), v.ancestry(r))
	case "getIamPolicy":
		v.serve(w, r, "Projects/GetIamPolicy", iam.Rule{Permission: "resourcemanager.projects.getIamPolicy"}, name(r), func(ctx context.Context) (any, error) {
			req := &iampb.GetIamPolicyRequest{}
			if err := front.DecodeBody(r, req); err != nil {
				return nil, err
			}
			req.Resource = name(r)
			return v.projects.GetIamPolicy(ctx, req)
		})
	case "setIamPolicy":
		v.serve(w, r, "Projects/SetIamPolicy", iam.Rule{Permission: "resourcemanager.projects.setIamPolicy", Changes: true}, name(r), func(ctx context.Context) (any, error) {
			req := &iampb.SetIamPolicyRequest{}
			if err := front.DecodeBody(r, req); err != nil {
				return nil, err
			}
			req.Resource = name(r)
			return v.projects.SetIamPolicy(ctx, req)
		})
	case "testIamPermissions":
		v.serve(w, r, "Projects/TestIamPermissions", iam.Rule{None: "says what the caller holds"}, name(r), func(ctx context.Context) (any, error) {
			req := &iampb.TestIamPermissionsRequest{}
			if err := front.DecodeBody(r, req); err != nil {
				return nil, err
			}
			req.Resource = name(r)
			return v.projects.TestIamPermissions(ctx, req)
		})
	default:
		front.NotFound(w, r)
	}
}

// ancestry is the project and what it is in.
func (v *v1) ancestry(r *http.Request) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		if err := front.DecodeBody(r, message("GetAncestryRequest")); err != nil {
			return nil, err
		}
		p, err := v.projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: name(r)})
		if err != nil {
			return nil, err
		}
		out := ancestry{Ancestor: []ancestor{{ResourceID: resourceID{Type: "project", ID: p.GetProjectId()}}}}
		kind, id, _ := strings.Cut(p.GetParent(), "/")
		out.Ancestor = append(out.Ancestor, ancestor{ResourceID: resourceID{Type: strings.TrimSuffix(kind, "s"), ID: id}})
		if org := strings.TrimPrefix(v.iam.Organization().Name, "organizations/"); kind == "folders" {
			out.Ancestor = append(out.Ancestor, ancestor{ResourceID: resourceID{Type: "organization", ID: org}})
		}
		return out, nil
	}
}

// operation is the making of a project.
func (v *v1) operation(w http.ResponseWriter, r *http.Request) {
	rule := iam.Rule{None: "checked on the operation's project"}
	v.serve(w, r, "Operations/GetOperation", rule, "", func(ctx context.Context) (any, error) {
		op, err := v.iam.ManagerOperations().GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: "operations/" + r.PathValue("id")})
		if err != nil {
			return nil, err
		}
		out := operation{Name: op.GetName(), Done: op.GetDone()}
		meta := &resourcemanagerpb.CreateProjectMetadata{}
		if op.GetMetadata().UnmarshalTo(meta) == nil {
			out.Metadata = &typed{Type: messages + "ProjectCreationStatus", Gettable: op.GetDone(), Ready: op.GetDone()}
		}
		if e := op.GetError(); e != nil {
			out.Error = &failure{Code: e.GetCode(), Message: e.GetMessage()}
		}
		made := &resourcemanagerpb.Project{}
		if op.GetResponse().UnmarshalTo(made) == nil {
			out.Response = &typedProject{Type: messages + "Project", project: older(made)}
		}
		return out, nil
	})
}
