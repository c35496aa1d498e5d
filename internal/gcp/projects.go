package gcp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/grpc/codes"
)

// Project is a project as a chooser shows it.
type Project struct {
	ID     string
	Number string
	Name   string
	State  string // ACTIVE, DELETE_REQUESTED
}

func project(p *resourcemanagerpb.Project) Project {
	return Project{ID: p.GetProjectId(), Number: strings.TrimPrefix(p.GetName(), "projects/"), Name: p.GetDisplayName(), State: p.GetState().String()}
}

// Page is some of the projects; Next asks for more, "" at the end.
type Page struct {
	Projects []Project
	Next     string
}

// SearchProjects lists active projects that the caller sees, a page at a time,
// keeping those whose id or name contains filter. A page may be empty and have a
// Next. The filter is ours: the service combines the fields of a query with OR.
// A project made a moment ago may not be listed yet; GetProject knows it.
func (c *Clients) SearchProjects(ctx context.Context, filter, page string) (Page, error) {
	it := c.Projects.SearchProjects(ctx, &resourcemanagerpb.SearchProjectsRequest{Query: "state:ACTIVE"})
	var found []*resourcemanagerpb.Project
	next, err := iterator.NewPager(it, 200, page).NextPage(&found)
	if err != nil {
		return Page{}, fmt.Errorf("list projects: %w", err)
	}
	filter = strings.ToLower(filter)
	result := Page{Next: next}
	for _, p := range found {
		if strings.Contains(strings.ToLower(p.GetProjectId()+"\n"+p.GetDisplayName()), filter) {
			result.Projects = append(result.Projects, project(p))
		}
	}
	return result, nil
}

// GetProject looks one project up by its id. Google answers the same, 403, to an
// unknown id and to one that the caller may not see.
func (c *Clients) GetProject(ctx context.Context, id string) (Project, error) {
	p, err := c.Projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + id})
	if err != nil {
		return Project{}, fmt.Errorf("look up project %s: %w", id, err)
	}
	return project(p), nil
}

// BillingState says whether a project can be billed.
type BillingState string

// Billing is unknown where the caller may not ask.
const (
	BillingOn      BillingState = "enabled"
	BillingOff     BillingState = "disabled"
	BillingUnknown BillingState = "unknown"
)

// ProjectBilling asks whether a project has an open billing account, and which.
// A 403 (no permission, or the billing API is off) is BillingUnknown and no error.
func (c *Clients) ProjectBilling(ctx context.Context, id string) (state BillingState, account string, err error) {
	info, err := c.Billing.GetProjectBillingInfo(ctx, &billingpb.GetProjectBillingInfoRequest{Name: "projects/" + id})
	switch {
	case Is(err, codes.PermissionDenied):
		return BillingUnknown, "", nil
	case err != nil:
		return BillingUnknown, "", fmt.Errorf("billing of project %s: %w", id, err)
	case info.GetBillingEnabled():
		return BillingOn, info.GetBillingAccountName(), nil
	}
	return BillingOff, info.GetBillingAccountName(), nil
}

// BillingAccount is one that a new project can be linked to.
type BillingAccount struct {
	Name    string // "billingAccounts/012345-6789AB-CDEF01"
	Display string
	Open    bool
}

// BillingAccount looks one up.
func (c *Clients) BillingAccount(ctx context.Context, name string) (BillingAccount, error) {
	a, err := c.Billing.GetBillingAccount(ctx, &billingpb.GetBillingAccountRequest{Name: name})
	if err != nil {
		return BillingAccount{}, fmt.Errorf("look up %s: %w", name, err)
	}
	return BillingAccount{Name: a.GetName(), Display: a.GetDisplayName(), Open: a.GetOpen()}, nil
}

// BillingAccounts lists the open ones that the caller sees.
func (c *Clients) BillingAccounts(ctx context.Context) ([]BillingAccount, error) {
	var all []BillingAccount
	for a, err := range c.Billing.ListBillingAccounts(ctx, &billingpb.ListBillingAccountsRequest{Filter: "open=true"}).All() {
		if err != nil {
			return nil, fmt.Errorf("list billing accounts: %w", err)
		}
		if a.GetOpen() {
			all = append(all, BillingAccount{Name: a.GetName(), Display: a.GetDisplayName(), Open: true})
		}
	}
	return all, nil
}

// Regions lists the regions where Cloud KMS has keys, in alphabetical order, without its
// multi-regions. It needs the KMS API enabled in the project.
func (c *Clients) Regions(ctx context.Context, id string) ([]string, error) {
	region := regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	var all []string
	for l, err := range c.KMS.ListLocations(ctx, &location.ListLocationsRequest{Name: "projects/" + id}).All() {
		if err != nil {
			return nil, fmt.Errorf("list regions of Cloud KMS: %w", err)
		}
		if region.MatchString(l.GetLocationId()) { // "us", "global" and "nam-eur-asia1" hold keys, but no clusters
			all = append(all, l.GetLocationId())
		}
	}
	slices.Sort(all)
	return all, nil
}
