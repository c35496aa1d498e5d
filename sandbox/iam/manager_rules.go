package iam

import (
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// managerRules are those of Resource Manager v3.
func (k *IAM) managerRules() []Rule {
	const projects, orgs, folders = "/google.cloud.resourcemanager.v3.Projects/", "/google.cloud.resourcemanager.v3.Organizations/", "/google.cloud.resourcemanager.v3.Folders/"
	denied := DeniedBy(Manager)
	rules := []Rule{
		{Method: projects + "GetProject", Permission: "resourcemanager.projects.get"},
		{Method: projects + "ListProjects", Permission: "resourcemanager.projects.list"},
		{Method: projects + "SearchProjects", None: "finds what the caller may get"},
		{Method: projects + "CreateProject", Permission: "resourcemanager.projects.create", Changes: true, Resource: k.newParent},
		{Method: projects + "UpdateProject", Permission: "resourcemanager.projects.update", Changes: true},
		{Method: projects + "MoveProject", Permission: "resourcemanager.projects.move", Changes: true},
		{Method: projects + "DeleteProject", Permission: "resourcemanager.projects.delete", Changes: true},
		{Method: projects + "UndeleteProject", Permission: "resourcemanager.projects.undelete", Changes: true},
		{Method: projects + "GetIamPolicy", Permission: "resourcemanager.projects.getIamPolicy"},
		{Method: projects + "SetIamPolicy", Permission: "resourcemanager.projects.setIamPolicy", Changes: true, Denied: policyDenied},
		{Method: projects + "TestIamPermissions", None: "says what the caller holds"},

		{Method: orgs + "GetOrganization", Permission: "resourcemanager.organizations.get"},
		{Method: orgs + "SearchOrganizations", None: "finds what the caller may get"},
		{Method: orgs + "GetIamPolicy", Permission: "resourcemanager.organizations.getIamPolicy"},
		{Method: orgs + "SetIamPolicy", Permission: "resourcemanager.organizations.setIamPolicy", Changes: true, Denied: policyDenied},
		{Method: orgs + "TestIamPermissions", None: "says what the caller holds"},

		{Method: folders + "SearchFolders", None: "finds what the caller may get: there are no folders"},
		{Method: folders + "CreateFolder", Permission: "resourcemanager.folders.create", Changes: true, Unserved: true, Resource: folderParent},
		{Method: folders + "TestIamPermissions", None: "says what the caller holds"},
	}
	rules = append(rules, Unserved(&resourcemanagerpb.Folders_ServiceDesc, rules, Manager, "resourcemanager.folders.get", "resourcemanager.folders.create")...)
	for i := range rules {
		rules[i].API = Manager
		if rules[i].Denied == nil {
			rules[i].Denied = denied
		}
	}
	return append(rules, k.operationRules(Manager, "resourcemanager.projects.update")...)
}

// newParent is what a new project is to be in.
func (k *IAM) newParent(m proto.Message) string {
	parent := ""
	if req, ok := m.(*resourcemanagerpb.CreateProjectRequest); ok {
		parent = req.GetProject().GetParent()
	}
	return k.parentOr(parent)
}

// parentOr is the parent, or the organization of the people of this world.
func (k *IAM) parentOr(parent string) string {
	if parent != "" {
		return parent
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.state.Organization.Name
}

func folderParent(m proto.Message) string {
	if req, ok := m.(*resourcemanagerpb.CreateFolderRequest); ok {
		return req.GetFolder().GetParent()
	}
	return Target(m)
}

// operationRules are those of google.longrunning.Operations on a host whose
// operations are not below a project by name.
func (k *IAM) operationRules(api, change string) []Rule {
	const service = "/google.longrunning.Operations/"
	of := func(m proto.Message) string { return k.operationOf(Target(m)) }
	rules := []Rule{
		{Method: service + "GetOperation", None: "the service checks it on the operation's project"},
		{Method: service + "WaitOperation", None: "the service checks it on the operation's project"},
		{Method: service + "ListOperations", None: "operations are found by their names", Unserved: true},
	}
	rules = append(rules, Unserved(&longrunningpb.Operations_ServiceDesc, rules, api, change, change)...)
	for i := range rules {
		rules[i].API, rules[i].Resource = api, of
	}
	return rules
}

// operationOf is the project that an operation is about; one that nobody may do
// anything in, if there is no such operation.
func (k *IAM) operationOf(name string) string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if op := k.state.Operations[name]; op != nil {
		return "projects/" + op.Project
	}
	return "projects/-"
}

// policyDenied is Resource Manager's refusal of a new policy.
func policyDenied(string, string) error {
	return status.Error(codes.PermissionDenied, "Policy update access denied.")
}

// CallerDenied is the refusal of APIs that say no more than that.
func CallerDenied(string, string) error {
	return status.Error(codes.PermissionDenied, "The caller does not have permission")
}

// projectOf is the project of a name ("projects/P/…"), by id or number; "" if it is none.
func projectOf(name string) string {
	rest, ok := strings.CutPrefix(name, "projects/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
