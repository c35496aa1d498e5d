package sandbox_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	artifactregistry "google.golang.org/api/artifactregistry/v1"
	cloudbilling "google.golang.org/api/cloudbilling/v1"
	cloudkms "google.golang.org/api/cloudkms/v1"
	cloudresourcemanager "google.golang.org/api/cloudresourcemanager/v3"
	container "google.golang.org/api/container/v1"
	iamadmin "google.golang.org/api/iam/v1"
	"google.golang.org/api/option"
	serviceusage "google.golang.org/api/serviceusage/v1"

	"github.com/signgate/signgate/sandbox"
)

// discovered is the table of the clients generated from discovery documents.
func discovered(t *testing.T, c *http.Client) []tried {
	use := option.WithHTTPClient(c)
	var rows []tried
	for _, part := range []func(*testing.T, option.ClientOption) []tried{
		discoveredProjects, discoveredBilling, discoveredUsage, discoveredAccounts, discoveredKMS, discoveredArtifacts, discoveredClusters,
	} {
		rows = append(rows, part(t, use)...)
	}
	return rows
}

func discoveredProjects(t *testing.T, use option.ClientOption) []tried {
	c := made[*cloudresourcemanager.Service](t)(cloudresourcemanager.NewService(t.Context(), use))
	var op *cloudresourcemanager.Operation
	create := func(id string) func() error {
		return func() (err error) {
			made, err := c.Projects.Create(&cloudresourcemanager.Project{ProjectId: id}).Do()
			if err == nil {
				op = made
			}
			return err
		}
	}
	operation := func(name string) func() error {
		return func() error {
			if name == "" {
				name = op.Name
			}
			return second(c.Operations.Get(name).Do())
		}
	}
	get := func(name string) func() error { return func() error { return second(c.Projects.Get(name).Do()) } }
	search := func(query string) func() error {
		return func() error { return second(c.Projects.Search().Query(query).Do()) }
	}
	may := func(permission string) func() error {
		return func() error {
			return second(c.Projects.TestIamPermissions(here, &cloudresourcemanager.TestIamPermissionsRequest{Permissions: []string{permission}}).Do())
		}
	}
	policy := func(name string) func() error {
		return func() error {
			return second(c.Projects.GetIamPolicy(name, &cloudresourcemanager.GetIamPolicyRequest{}).Do())
		}
	}
	set := func(times int) func() error {
		return func() error {
			p, err := c.Projects.GetIamPolicy(here, &cloudresourcemanager.GetIamPolicyRequest{}).Do()
			for range times {
				if err == nil {
					_, err = c.Projects.SetIamPolicy(here, &cloudresourcemanager.SetIamPolicyRequest{Policy: p}).Do()
				}
			}
			return err
		}
	}
	remove := func(name string) func() error { return func() error { return second(c.Projects.Delete(name).Do()) } }
	restore := func() error {
		return second(c.Projects.Undelete("projects/brand-new-d", &cloudresourcemanager.UndeleteProjectRequest{}).Do())
	}
	const denied = "IAM_PERMISSION_DENIED"
	return []tried{
		{"Projects/CreateProject", create("brand-new-d"), create(sandbox.Project), 409, "already exists"},
		{"Operations/GetOperation", operation(""), operation("operations/cp.0"), 404, "not found"},
		{"Projects/GetProject", get(here), get(absent), 403, denied},
		{"Projects/SearchProjects", search("state:ACTIVE"), search("a"), 400, "invalid argument"},
		{"Projects/TestIamPermissions", may("resourcemanager.projects.get"), may("resourcemanager.projects.create"), 400, "resourcemanager.projects.create"},
		{"Projects/GetIamPolicy", policy(here), policy(absent), 403, denied},
		{"Projects/SetIamPolicy", set(1), set(2), 409, "concurrent policy changes"},
		{"Projects/DeleteProject", remove("projects/brand-new-d"), remove(absent), 403, denied},
		{"Projects/UndeleteProject", restore, restore, 400, "Cannot undelete an active project."},
	}
}

func discoveredBilling(t *testing.T, use option.ClientOption) []tried {
	c := made[*cloudbilling.APIService](t)(cloudbilling.NewService(t.Context(), use))
	list := func(filter string) func() error {
		return func() error { return second(c.BillingAccounts.List().Filter(filter).Do()) }
	}
	info := func(name string) func() error {
		return func() error { return second(c.Projects.GetBillingInfo(name).Do()) }
	}
	link := func(account string) func() error {
		return func() error {
			if account == "" {
				all, err := c.BillingAccounts.List().Do()
				if err != nil {
					return err
				}
				account = all.BillingAccounts[0].Name
			}
			return second(c.Projects.UpdateBillingInfo("projects/acme-staging", &cloudbilling.ProjectBillingInfo{BillingAccountName: account}).Do())
		}
	}
	const denied = "The caller does not have permission"
	return []tried{
		{"CloudBilling/ListBillingAccounts", list("open=true"), list("nonsense"), 400, "invalid argument"},
		{"CloudBilling/UpdateProjectBillingInfo", link(""), link("billingAccounts/000000-000000-000000"), 403, denied},
		{"CloudBilling/GetProjectBillingInfo", info(here), info(absent), 403, denied},
	}
}

func discoveredUsage(t *testing.T, use option.ClientOption) []tried {
	c := made[*serviceusage.Service](t)(serviceusage.NewService(t.Context(), use))
	enable := func(api string) func() error {
		return func() error {
			return second(c.Services.BatchEnable(here, &serviceusage.BatchEnableServicesRequest{ServiceIds: []string{api}}).Do())
		}
	}
	get := func(api string) func() error {
		return func() error { return second(c.Services.BatchGet(here).Names(here + "/services/" + api).Do()) }
	}
	const unknown = "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED"
	return []tried{
		{"ServiceUsage/BatchEnableServices", enable("secretmanager.googleapis.com"), enable("nothing.googleapis.com"), 403, unknown},
		{"ServiceUsage/BatchGetServices", get("secretmanager.googleapis.com"), get("nothing.googleapis.com"), 403, unknown},
	}
}

func discoveredAccounts(t *testing.T, use option.ClientOption) []tried {
	c := made[*iamadmin.Service](t)(iamadmin.NewService(t.Context(), use))
	accounts := c.Projects.ServiceAccounts
	id := ""
	create := func() error {
		a, err := accounts.Create(here, &iamadmin.CreateServiceAccountRequest{AccountId: "the-nodes"}).Do()
		if err == nil {
			id = a.UniqueId
		}
		return err
	}
	get := func(name string) func() error { return func() error { return second(accounts.Get(name).Do()) } }
	list := func(name string) func() error { return func() error { return second(accounts.List(name).Do()) } }
	enable := func(name string) func() error {
		return func() error { return second(accounts.Enable(name, &iamadmin.EnableServiceAccountRequest{}).Do()) }
	}
	remove := func() error { return second(accounts.Delete(node).Do()) }
	restore := func() error {
		return second(accounts.Undelete(here+"/serviceAccounts/"+id, &iamadmin.UndeleteServiceAccountRequest{}).Do())
	}
	may := func(permission string) func() error {
		return func() error {
			return second(accounts.TestIamPermissions(node, &iamadmin.TestIamPermissionsRequest{Permissions: []string{permission}}).Do())
		}
	}
	other := here + "/serviceAccounts/none@" + sandbox.InUse + ".iam.gserviceaccount.com"
	return []tried{
		{"IAM/CreateServiceAccount", create, create, 409, "already exists within project " + here},
		{"IAM/GetServiceAccount", get(node), get(other), 404, "Unknown service account"},
		{"IAM/ListServiceAccounts", list(here), list(absent), 403, ""},
		{"IAM/EnableServiceAccount", enable(node), enable(other), 404, ""},
		{"IAM/TestIamPermissions", may("iam.serviceAccounts.actAs"), may("*"), 400, ""},
		{"IAM/DeleteServiceAccount", remove, remove, 404, ""},
		{"IAM/UndeleteServiceAccount", restore, restore, 400, ""},
	}
}

func discoveredKMS(t *testing.T, use option.ClientOption) []tried {
	c := made[*cloudkms.Service](t)(cloudkms.NewService(t.Context(), use))
	rings := c.Projects.Locations.KeyRings
	keys, versions := rings.CryptoKeys, rings.CryptoKeys.CryptoKeyVersions
	locations := func(name string) func() error {
		return func() error { return second(c.Projects.Locations.List(name).Do()) }
	}
	at := func(name string) func() error {
		return func() error { return second(c.Projects.Locations.Get(name).Do()) }
	}
	makeRing := func() error { return second(rings.Create(place, &cloudkms.KeyRing{}).KeyRingId("r").Do()) }
	getRing := func(name string) func() error { return func() error { return second(rings.Get(name).Do()) } }
	listRings := func(parent string) func() error { return func() error { return second(rings.List(parent).Do()) } }
	makeKey := func() error {
		return second(keys.Create(ring, &cloudkms.CryptoKey{Purpose: "ASYMMETRIC_SIGN",
			VersionTemplate: &cloudkms.CryptoKeyVersionTemplate{Algorithm: "EC_SIGN_P256_SHA256"}}).CryptoKeyId("k").Do())
	}
	getKey := func(name string) func() error { return func() error { return second(keys.Get(name).Do()) } }
	getVersion := func(name string) func() error { return func() error { return second(versions.Get(name).Do()) } }
	list := func(filter string) func() error {
		return func() error { return second(versions.List(signer).Filter(filter).Do()) }
	}
	public := func(name string) func() error {
		return func() error { return second(versions.GetPublicKey(name).Do()) }
	}
	sign := func(size int) func() error {
		return func() error {
			return second(versions.AsymmetricSign(first, &cloudkms.AsymmetricSignRequest{
				Digest: &cloudkms.Digest{Sha256: base64.StdEncoding.EncodeToString(make([]byte, size))}}).Do())
		}
	}
	add := func(key string) func() error {
		return func() error { return second(versions.Create(key, &cloudkms.CryptoKeyVersion{}).Do()) }
	}
	update := func(state string) func() error {
		return func() error {
			return second(versions.Patch(signer+"/cryptoKeyVersions/2", &cloudkms.CryptoKeyVersion{State: state}).UpdateMask("state").Do())
		}
	}
	may := func(permission string) func() error {
		return func() error {
			return second(keys.TestIamPermissions(signer, &cloudkms.TestIamPermissionsRequest{Permissions: []string{permission}}).Do())
		}
	}
	destroy := func() error {
		return second(versions.Destroy(signer+"/cryptoKeyVersions/2", &cloudkms.DestroyCryptoKeyVersionRequest{}).Do())
	}
	restore := func(name string) func() error {
		return func() error { return second(versions.Restore(name, &cloudkms.RestoreCryptoKeyVersionRequest{}).Do()) }
	}
	return []tried{
		{"Locations/ListLocations", locations(here), locations(absent), 403, ""},
		{"Locations/GetLocation", at(place), at(here + "/locations/mars"), 404, "KMS_RESOURCE_NOT_FOUND_IN_LOCATION"},
		{"KeyManagementService/CreateKeyRing", makeRing, makeRing, 409, "KeyRing " + ring + " already exists."},
		{"KeyManagementService/GetKeyRing", getRing(ring), getRing(ring + "x"), 404, "KeyRing " + ring + "x not found."},
		{"KeyManagementService/ListKeyRings", listRings(place), listRings(here + "/locations/mars"), 404, ""},
		{"KeyManagementService/CreateCryptoKey", makeKey, makeKey, 409, "CryptoKey " + signer + " already exists."},
		{"KeyManagementService/GetCryptoKey", getKey(signer), getKey(signer + "x"), 404, "CryptoKey " + signer + "x not found."},
		{"KeyManagementService/GetCryptoKeyVersion", getVersion(first), getVersion(first + "0"), 404, "not found."},
		{"KeyManagementService/ListCryptoKeyVersions", list("state=ENABLED"), list("state~x"), 400, ""},
		{"KeyManagementService/GetPublicKey", public(first), public(first + "0"), 404, "not found."},
		{"KeyManagementService/AsymmetricSign", sign(32), sign(20), 400, "digest"},
		{"KeyManagementService/CreateCryptoKeyVersion", add(signer), add(signer + "x"), 404, "not found."},
		{"KeyManagementService/UpdateCryptoKeyVersion", update("DISABLED"), update("DESTROYED"), 400, ""},
		{"IAMPolicy/TestIamPermissions", may("cloudkms.cryptoKeyVersions.useToSign"), may("*"), 400, ""},
		{"KeyManagementService/DestroyCryptoKeyVersion", destroy, destroy, 400, "DESTROY_SCHEDULED"},
		{"KeyManagementService/RestoreCryptoKeyVersion", restore(signer + "/cryptoKeyVersions/2"), restore(first), 400, "ENABLED"},
	}
}

func discoveredArtifacts(t *testing.T, use option.ClientOption) []tried {
	c := made[*artifactregistry.Service](t)(artifactregistry.NewService(t.Context(), use))
	repos := c.Projects.Locations.Repositories
	create := func() error {
		return second(repos.Create(place, &artifactregistry.Repository{Format: "DOCKER"}).RepositoryId("containers").Do())
	}
	get := func(name string) func() error { return func() error { return second(repos.Get(name).Do()) } }
	list := func(parent string) func() error { return func() error { return second(repos.List(parent).Do()) } }
	at := func(name string) func() error {
		return func() error { return second(c.Projects.Locations.Get(name).Do()) }
	}
	images := func(name string) func() error {
		return func() error { return second(repos.DockerImages.List(name).Do()) }
	}
	policy := func(name string) func() error { return func() error { return second(repos.GetIamPolicy(name).Do()) } }
	set := func(member string) func() error {
		return func() error {
			return second(repos.SetIamPolicy(repo, &artifactregistry.SetIamPolicyRequest{Policy: &artifactregistry.Policy{
				Bindings: []*artifactregistry.Binding{{Role: "roles/artifactregistry.reader", Members: []string{member}}}}}).Do())
		}
	}
	may := func(permission string) func() error {
		return func() error {
			return second(repos.TestIamPermissions(repo, &artifactregistry.TestIamPermissionsRequest{Permissions: []string{permission}}).Do())
		}
	}
	remove := func() error { return second(repos.Delete(repo).Do()) }
	return []tried{
		{"Locations/GetLocation", at(place), at(here + "/locations/mars"), 403, "Location mars is not found or access is unauthorized."},
		{"ArtifactRegistry/CreateRepository", create, create, 409, "already exists"},
		{"ArtifactRegistry/GetRepository", get(repo), get(repo + "x"), 404, "Requested entity was not found."},
		{"ArtifactRegistry/ListRepositories", list(place), list(absent + "/locations/europe-west1"), 403, ""},
		{"ArtifactRegistry/ListDockerImages", images(repo), images(repo + "x"), 404, "Requested entity was not found."},
		{"ArtifactRegistry/GetIamPolicy", policy(repo), policy(repo + "x"), 404, "Requested entity was not found."},
		{"ArtifactRegistry/SetIamPolicy", set("allUsers"), set("serviceAccount:none@" + sandbox.InUse + ".iam.gserviceaccount.com"), 400, "does not exist"},
		{"ArtifactRegistry/TestIamPermissions", may("artifactregistry.repositories.downloadArtifacts"), may("*"), 400, ""},
		{"ArtifactRegistry/DeleteRepository", remove, remove, 404, "Requested entity was not found."},
	}
}

func discoveredClusters(t *testing.T, use option.ClientOption) []tried {
	c := made[*container.Service](t)(container.NewService(t.Context(), use))
	clusters := c.Projects.Locations.Clusters
	var op *container.Operation
	create := func() error {
		made, err := clusters.Create(zone, &container.CreateClusterRequest{Cluster: &container.Cluster{Name: "c", InitialNodeCount: 1}}).Do()
		if err == nil {
			op = made
		}
		return err
	}
	get := func(name string) func() error { return func() error { return second(clusters.Get(name).Do()) } }
	list := func(parent string) func() error { return func() error { return second(clusters.List(parent).Do()) } }
	config := func(at string) func() error {
		return func() error { return second(c.Projects.Locations.GetServerConfig(at).Do()) }
	}
	operation := func(name string) func() error {
		return func() error {
			if name == "" {
				name = op.Name
			}
			return second(c.Projects.Locations.Operations.Get(zone + "/operations/" + name).Do())
		}
	}
	remove := func() error {
		for op.Status != "DONE" { // nothing is deleted while it is made
			next, err := c.Projects.Locations.Operations.Get(zone + "/operations/" + op.Name).Do()
			if err != nil {
				return err
			}
			op = next
		}
		return second(clusters.Delete(cluster).Do())
	}
	missing := func() error { return second(clusters.Delete(cluster + "x").Do()) }
	return []tried{
		{"ClusterManager/GetServerConfig", config(zone), config(zone + "x"), 403, "LOCATION_POLICY_VIOLATED"},
		{"ClusterManager/CreateCluster", create, create, 409, "Already exists: " + here + "/zones/europe-west1-b/clusters/c."},
		{"ClusterManager/GetCluster", get(cluster), get(cluster + "x"), 404, "Not found: " + here + "/zones/europe-west1-b/clusters/cx."},
		{"ClusterManager/ListClusters", list(here + "/locations/-"), list(absent + "/locations/-"), 403, ""},
		{"ClusterManager/GetOperation", operation(""), operation("operation-none"), 404, ""},
		{"ClusterManager/DeleteCluster", remove, missing, 404, "Not found: "},
	}
}
