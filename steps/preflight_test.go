package steps_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

const seedBilling = "billingAccounts/01A2B3-C4D5E6-F7A8B9"

// looked is a preflight by its checks' ids.
type looked map[string]engine.Check

// preflight runs one, and holds it to its law: nothing is changed, and each check
// that begins ends once.
func (c *cloud) preflight(t *testing.T, clients *gcp.Clients, a state.Answers) looked {
	t.Helper()
	before := c.changes()
	open := map[string]bool{}
	all, err := steps.Preflight(t.Context(), a, clients, func(c engine.Check) {
		if running := c.State == engine.CheckRunning; open[c.ID] == running {
			t.Errorf("check %s is %s", c.ID, c.State)
		}
		open[c.ID] = c.State == engine.CheckRunning
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := looked{}
	for _, c := range all {
		seen[c.ID] = c
		if (c.State == engine.CheckFail) != (c.Problem != nil) {
			t.Errorf("%s is %s with the problem %v", c.ID, c.State, c.Problem)
		}
	}
	for id, running := range open {
		if running || seen[id].ID == "" {
			t.Errorf("%s began and never ended", id)
		}
	}
	if n := c.changes(); n != before {
		t.Errorf("the preflight made %d changing calls", n-before)
	}
	return seen
}

// failed are the ids of the problems, of what failed and is no permission.
func (l looked) failed() []string {
	var ids []string
	for id, c := range l {
		if c.State == engine.CheckFail && !strings.HasPrefix(id, "permission:") {
			ids = append(ids, id+" "+c.Problem.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (l looked) missing() (n int) {
	for id, c := range l {
		if c.State == engine.CheckFail && strings.HasPrefix(id, "permission:") {
			n++
		}
	}
	return n
}

func TestPreflightOfAnOwner(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	seen := c.preflight(t, c.clients, c.answers)
	for id, check := range seen {
		if check.State != engine.CheckPass {
			t.Errorf("%s: %s %s", id, check.State, check.Detail)
		}
	}
	if got := seen["permission:iam.serviceAccounts.actAs"].Detail; got != "on project acme-demo" {
		t.Errorf("actAs is held %s", got)
	}
	if got := seen["api:container.googleapis.com"].Detail; got != "off; signgate apply switches it on" {
		t.Errorf("the API is %s", got)
	}
}

// Who holds what is needed only where it is needed may go on.
func TestPreflightAsksTheRightResource(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.ground(t, "signature")
	names := steps.NamesOf(c.answers)
	if _, err := c.clients.IAM.CreateServiceAccount(t.Context(), &adminpb.CreateServiceAccountRequest{Name: names.Project(), AccountId: names.AccountID()}); err != nil {
		t.Fatal(err)
	}
	viewer := c.as(t, iam.Viewer)
	if n := c.preflight(t, viewer, c.answers).missing(); n < 10 {
		t.Errorf("a viewer misses %d permissions only", n)
	}
	for resource, role := range map[string]string{
		names.Project(): "roles/serviceusage.serviceUsageConsumer", // or no call could be counted against it
		names.Key():     "roles/cloudkms.signerVerifier", names.Repository(): "roles/artifactregistry.admin", names.Account(): "roles/iam.serviceAccountUser",
	} {
		p := c.IAM().Policy(resource)
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{"user:" + iam.Viewer}})
		if _, err := c.IAM().SetPolicy(resource, p, nil); err != nil {
			t.Fatal(err)
		}
	}
	seen := c.preflight(t, viewer, c.answers)
	for permission, on := range map[string]string{
		"cloudkms.cryptoKeyVersions.useToSign": "on key cosign", "artifactregistry.repositories.uploadArtifacts": "on repository containers",
		"iam.serviceAccounts.actAs": "on account cosign-test-cluster-sa@acme-demo.iam.gserviceaccount.com",
	} {
		if got := seen["permission:"+permission]; got.State != engine.CheckPass || got.Detail != on {
			t.Errorf("%s: %s %s, want %s", permission, got.State, got.Detail, on)
		}
	}
	create := seen["permission:cloudkms.keyRings.create"]
	if create.State != engine.CheckFail || !strings.Contains(create.Problem.Fix, "--member=user:viewer@acme.example --role=roles/cloudkms.admin") {
		t.Errorf("to make a key ring: %+v, %+v", create, create.Problem)
	}
}

// What is wrong, and what the preflight calls it.
func TestPreflightFails(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		world func(*testing.T, *cloud)
		want  []string
	}{
		"a project that is not there":          {func(_ *testing.T, c *cloud) { c.answers.Project = "acme-nowhere" }, []string{"project project-not-found"}},
		"a project without a billing account":  {func(_ *testing.T, c *cloud) { c.answers.Project = "acme-staging" }, []string{"billing billing-missing"}},
		"a project whose account is closed":    {closed, []string{"billing billing-missing"}},
		"a project that is being deleted":      {deleted, []string{"project project-deleting"}},
		"a sign-in that session control ended": {expired, []string{"sign-in credentials-expired"}},
		"a quota project that is not there":    {counted("acme-nowhere"), []string{"quota-project quota-project-denied"}},
		"another quota project":                {counted("acme-tools"), nil},
		"a clock that is an hour behind":       {clock(time.Hour), []string{"clock clock-wrong"}},
		"a clock that is ten minutes ahead":    {clock(-10 * time.Minute), []string{"clock clock-wrong"}},
		"a clock that is a minute ahead":       {clock(-time.Minute), nil},
		"a new project by a closed account": {func(t *testing.T, c *cloud) { c.newProject(); closed(t, c) },
			[]string{"billing billing-closed"}},
		"a new project by who may not link it": {func(t *testing.T, c *cloud) { c.newProject(); c.clients = c.as(t, iam.Viewer) },
			[]string{"billing billing-link-denied"}},
		"a region that is not there":              {place("acme-tools", "moon-east1", ""), []string{"location location-unknown"}},
		"a region whose name could be Google's":   {place("acme-tools", "us-east2", ""), []string{"location location-unknown"}},
		"a region that signgate does not know":    {place("acme-tools", "europe-north2", ""), nil},
		"a zone that is not there":                {place("acme-tools", "us-east1", "us-east1-a"), []string{"location location-unknown"}},
		"nobody to ask about a region":            {place("acme-demo", "moon-east1", ""), []string{"location location-unknown"}},
		"nobody to ask about a zone":              {place("acme-demo", "us-east1", "us-east1-z"), []string{"location location-unknown"}},
		"nobody to ask, and it could be Google's": {place("acme-demo", "europe-north2", ""), nil},
		"a new project in a region that is none": {func(t *testing.T, c *cloud) { place("", "moon-east1", "")(t, c); c.newProject() },
			[]string{"location location-unknown"}},
		"a new project": {func(_ *testing.T, c *cloud) { c.newProject() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			row.world(t, c)
			if got := c.preflight(t, c.clients, c.answers).failed(); !slices.Equal(got, row.want) {
				t.Errorf("failed: %v, want %v", got, row.want)
			}
		})
	}
}

// place is a setup in a region, and its cluster in a zone. In acme-tools the APIs are on, in acme-demo not.
func place(project, region, zone string) func(*testing.T, *cloud) {
	return func(_ *testing.T, c *cloud) {
		c.answers.Project, c.answers.Region, c.answers.Zone = project, region, zone
		c.clients.BillTo(project)
	}
}

// A place that is refused is named, with what may have been meant and what Google said.
func TestPreflightNamesThePlace(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ project, region, zone, what, fix, words string }{
		{"acme-tools", "us-eest1", "", "Cloud KMS has no region us-eest1 for project acme-tools", "did you mean --region us-east1 or us-west1? ", "location 'us-eest1'"},
		{"acme-tools", "us-east1", "us-east1-a", "Kubernetes Engine has no zone us-east1-a for project acme-tools", "--zone us-east1-b, us-east1-c or us-east1-d; ", "'locations/us-east1-a'"},
		{"acme-demo", "us-eest1", "", "there is no region us-eest1", "\nif Google names places otherwise by now, it can say so once its APIs are on: gcloud services enable cloudkms", ""},
	} {
		c := newCloud(t)
		place(row.project, row.region, row.zone)(t, c)
		p := c.preflight(t, c.clients, c.answers)[steps.LocationCheck].Problem
		if p == nil || p.What != row.what || !strings.Contains(p.Fix, row.fix) || !strings.Contains(p.Words, row.words) {
			t.Errorf("%s in %s: %+v", row.zone+row.region, row.project, p)
		}
	}
	c := newCloud(t)
	place("acme-demo", "us-east2", "")(t, c)
	if got := c.preflight(t, c.clients, c.answers)[steps.LocationCheck]; got.State != engine.CheckUnknown || !strings.Contains(got.Detail, "did you mean --region us-east1, us-east4 or us-east5?") {
		t.Errorf("us-east2 is %s: %s", got.State, got.Detail)
	}
}

// Every region and zone on signgate's list is there, and the zone that it takes where none is named.
func TestKnownPlaces(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, r := range assets.Regions() {
		place("acme-tools", r.Name, "")(t, c)
		if first := r.Name + "-" + r.Zones[:1]; steps.NamesOf(c.answers).Zone() != first {
			t.Errorf("the first zone of %s is %s", r.Name, first)
		}
		for _, letter := range r.Zones {
			c.answers.Zone = r.Name + "-" + string(letter)
			if got := c.preflight(t, c.clients, c.answers)[steps.LocationCheck]; got.State != engine.CheckPass || got.Detail != c.answers.Zone {
				t.Errorf("%s: %+v", c.answers.Zone, got)
			}
		}
	}
}

func (c *cloud) newProject() {
	c.answers.Project, c.answers.NewProject, c.answers.BillingAccount = "acme-new", true, seedBilling
}

func closed(t *testing.T, c *cloud) {
	if err := c.IAM().CloseBillingAccount(seedBilling); err != nil {
		t.Fatal(err)
	}
}

func deleted(t *testing.T, c *cloud) {
	c.answers.Project = "acme-tools"
	if _, err := c.clients.Projects.DeleteProject(t.Context(), &resourcemanagerpb.DeleteProjectRequest{Name: "projects/acme-tools"}); err != nil {
		t.Fatal(err)
	}
}

func expired(t *testing.T, c *cloud) {
	if _, err := c.Faults().Add(fault.Fault{Target: "oauth2.googleapis.com/token", Code: "invalid_rapt"}); err != nil {
		t.Fatal(err)
	}
}

// counted is a sign-in whose calls are counted against a project.
func counted(project string) func(*testing.T, *cloud) {
	return func(t *testing.T, c *cloud) {
		data, err := os.ReadFile(c.Credentials(iam.Owner))
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		file["quota_project_id"] = project
		if data, err = json.Marshal(file); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "credentials.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c.clients = c.dial(t, path)
	}
}

// clock is a Google whose clock is ahead of this machine's.
func clock(ahead time.Duration) func(*testing.T, *cloud) {
	return func(_ *testing.T, c *cloud) { c.clients.HTTP = later{c.clients.HTTP, ahead} }
}

type later struct {
	http.RoundTripper
	by time.Duration
}

func (l later) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	resp.Header.Set("Date", date.Add(l.by).UTC().Format(http.TimeFormat))
	return resp, err
}

// An API that is off where its state is asked for fails; a service that does not
// answer is no verdict.
func TestPreflightCannotTell(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for target, code := range map[string]string{"GetProjectBillingInfo": "PERMISSION_DENIED", "Projects/TestIamPermissions": "UNAVAILABLE",
		"Locations/GetLocation": "UNAVAILABLE", "GetServerConfig": "UNAVAILABLE"} {
		if _, err := c.Faults().Add(fault.Fault{Target: target, Code: code}); err != nil {
			t.Fatal(err)
		}
	}
	seen := c.preflight(t, c.clients, c.answers)
	for _, id := range []string{"billing", "permission:container.clusters.create"} {
		if seen[id].State != engine.CheckUnknown || seen[id].Detail == "" {
			t.Errorf("%s: %+v", id, seen[id])
		}
	}
	if got := seen[steps.LocationCheck]; got.State != engine.CheckPass || !strings.Contains(got.Detail, "by signgate's own list") {
		t.Errorf("nobody can be asked about the location: %+v", got)
	}
}
