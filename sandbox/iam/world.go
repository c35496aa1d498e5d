package iam

import (
	"crypto/rand"
	"time"
)

// The names of the world at first start.
const (
	Owner       = "owner@acme.example"
	Viewer      = "viewer@acme.example"
	domain      = "acme.example"
	seedAccount = "billingAccounts/01A2B3-C4D5E6-F7A8B9"

	// ProjectInUse is the project whose APIs are on.
	ProjectInUse = "acme-tools"
)

// apisInUse are the APIs that are on there, besides those of every project.
func apisInUse() []string {
	return []string{
		"artifactregistry.googleapis.com", "cloudkms.googleapis.com", "container.googleapis.com",
		Admin, Billing, Manager, Usage,
	}
}

// Organization is the one that all projects are in. The sandbox keeps no folders:
// what is said to be in one is in the organization.
type Organization struct {
	Name        string // "organizations/123456789012"
	DisplayName string
}

// BillingAccount pays for projects.
type BillingAccount struct {
	Name        string // "billingAccounts/01A2B3-C4D5E6-F7A8B9"
	DisplayName string
	Open        bool
}

// firstWorld has three projects (a new one, one that nobody pays for, one in use), an
// account that pays for two of them, and two people.
func firstWorld(now time.Time, apis *catalogue) state {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	s := state{
		Version: stateVersion, Key: key,
		Refresh: map[string]string{
			"1//" + rand.Text() + rand.Text(): "user:" + Owner,
			"1//" + rand.Text() + rand.Text(): "user:" + Viewer,
		},
		Organization:  Organization{Name: "organizations/" + digits(12), DisplayName: domain},
		Projects:      map[string]*Project{},
		Billing:       map[string]*BillingAccount{seedAccount: {Name: seedAccount, DisplayName: "Acme billing", Open: true}},
		Accounts:      map[string]*ServiceAccount{},
		Policies:      map[string]*policy{},
		IdentityPools: map[string]bool{},
		Operations:    map[string]*operation{},
	}
	for _, p := range []struct{ id, name, billing string }{
		{"acme-demo", "Acme Demo", seedAccount}, {"acme-staging", "Acme Staging", ""}, {ProjectInUse, "Acme Tools", seedAccount},
	} {
		s.Projects[p.id] = newProject(p.id, p.name, s.Organization.Name, apis.initial(), now)
		s.Projects[p.id].BillingAccount = p.billing
		s.Policies["projects/"+p.id] = newPolicy(
			binding{Role: "roles/owner", Members: []string{"user:" + Owner}},
			binding{Role: "roles/viewer", Members: []string{"user:" + Viewer}})
	}
	s.Projects[ProjectInUse].switchOn(apis.closure(apisInUse()), time.Time{})
	// The owner's role is the organization's too: no policy that is set on a project locks them out.
	s.Policies[s.Organization.Name] = newPolicy(
		binding{Role: "roles/owner", Members: []string{"user:" + Owner}},
		binding{Role: "roles/resourcemanager.projectCreator", Members: []string{"user:" + Owner}})
	s.Policies[seedAccount] = newPolicy(
		binding{Role: "roles/billing.user", Members: []string{"user:" + Owner}},
		binding{Role: "roles/billing.viewer", Members: []string{"user:" + Viewer}})
	return s
}

// People are the sign-ins of this world by their e-mail address, each with its refresh token.
func (k *IAM) People() map[string]string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	people := map[string]string{}
	for token, member := range k.state.Refresh {
		people[memberEmail(member)] = token
	}
	return people
}
