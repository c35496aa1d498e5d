package admin

import (
	"strings"

	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
)

// The messages of Resource Manager v1, as far as they are served.

type resourceID struct {
	Type string `json:"type,omitempty"` // "organization", "folder", "project"
	ID   string `json:"id,omitempty"`
}

type project struct {
	CreateTime     string            `json:"createTime,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	LifecycleState string            `json:"lifecycleState,omitempty"`
	Name           string            `json:"name,omitempty"`
	Parent         *resourceID       `json:"parent,omitempty"`
	ProjectID      string            `json:"projectId,omitempty"`
	ProjectNumber  string            `json:"projectNumber,omitempty"`
}

type projectList struct {
	Projects      []project `json:"projects,omitempty"`
	NextPageToken string    `json:"nextPageToken,omitempty"`
}

type ancestor struct {
	ResourceID resourceID `json:"resourceId"`
}

type ancestry struct {
	Ancestor []ancestor `json:"ancestor,omitempty"`
}

type organization struct {
	CreationTime   string `json:"creationTime,omitempty"`
	DisplayName    string `json:"displayName"`
	LifecycleState string `json:"lifecycleState"`
	Name           string `json:"name"`
	Owner          *owner `json:"owner,omitempty"`
}

type owner struct {
	DirectoryCustomerID string `json:"directoryCustomerId"`
}

type organizationList struct {
	Organizations []organization `json:"organizations,omitempty"`
}

type typed struct {
	Type     string `json:"@type"`
	Gettable bool   `json:"gettable,omitempty"`
	Ready    bool   `json:"ready,omitempty"`
}

type typedProject struct {
	Type string `json:"@type"`
	project
}

type operation struct {
	Name     string        `json:"name"`
	Done     bool          `json:"done,omitempty"`
	Metadata *typed        `json:"metadata,omitempty"`
	Error    *failure      `json:"error,omitempty"`
	Response *typedProject `json:"response,omitempty"`
}

// failure is how an operation came to nothing.
type failure struct {
	Code    int32  `json:"code"`
	Message string `json:"message"`
}

const messages = "type.googleapis.com/google.cloudresourcemanager.v1."

// older is a project as version 1 shows it.
func older(p *resourcemanagerpb.Project) project {
	kind, id, _ := strings.Cut(p.GetParent(), "/")
	out := project{
		CreateTime: p.GetCreateTime().AsTime().UTC().Format("2006-01-02T15:04:05.000000Z"), Labels: p.GetLabels(),
		LifecycleState: p.GetState().String(), Name: p.GetDisplayName(), ProjectID: p.GetProjectId(), ProjectNumber: strings.TrimPrefix(p.GetName(), "projects/"),
	}
	if id != "" {
		out.Parent = &resourceID{Type: strings.TrimSuffix(kind, "s"), ID: id}
	}
	return out
}

// newer is what version 3 knows of a project that a client sent.
func (p project) newer() *resourcemanagerpb.Project {
	out := &resourcemanagerpb.Project{ProjectId: p.ProjectID, DisplayName: p.Name, Labels: p.Labels}
	if p.Parent != nil {
		kind := p.Parent.Type + "s/"
		out.Parent = kind + strings.TrimPrefix(p.Parent.ID, kind) // "organizations/5" is taken for "5"
	}
	return out
}
