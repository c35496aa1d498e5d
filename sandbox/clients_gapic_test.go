package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	artifactregistry "cloud.google.com/go/artifactregistry/apiv1"
	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	billing "cloud.google.com/go/billing/apiv1"
	"cloud.google.com/go/billing/apiv1/billingpb"
	container "cloud.google.com/go/container/apiv1"
	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	kms "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	serviceusage "cloud.google.com/go/serviceusage/apiv1"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	locationpb "google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/sandbox"
)

// gapic is the table of the clients generated from the definitions.
func gapic(t *testing.T, c *http.Client) []tried {
	use := option.WithHTTPClient(c)
	var rows []tried
	for _, part := range []func(context.Context, *testing.T, option.ClientOption) []tried{
		gapicProjects, gapicBilling, gapicUsage, gapicKMS, gapicArtifacts, gapicClusters,
	} {
		rows = append(rows, part(t.Context(), t, use)...)
	}
	return rows
}

// made ends a test whose client cannot be made.
func made[T any](t *testing.T) func(T, error) T {
	return func(c T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// drained reads a list to its end.
func drained[T any](next func() (T, error)) error {
	for {
		if _, err := next(); errors.Is(err, iterator.Done) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func gapicProjects(ctx context.Context, t *testing.T, use option.ClientOption) []tried {
	projects := made[*resourcemanager.ProjectsClient](t)(resourcemanager.NewProjectsRESTClient(ctx, use))
	create := func(id string) func() error {
		return func() error {
			op, err := projects.CreateProject(ctx, &resourcemanagerpb.CreateProjectRequest{Project: &resourcemanagerpb.Project{ProjectId: id}})
			if err != nil {
				return err
			}
			return second(op.Wait(ctx))
		}
	}
	get := func(name string) func() error {
		return func() error {
			return second(projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: name}))
		}
	}
	search := func(query string) func() error {
		return func() error {
			return drained(projects.SearchProjects(ctx, &resourcemanagerpb.SearchProjectsRequest{Query: query}).Next)
		}
	}
	may := func(permission string) func() error {
		return func() error {
			return second(projects.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: here, Permissions: []string{permission}}))
		}
	}
	policy := func(name string) func() error {
		return func() error { return second(projects.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: name})) }
	}
	set := func(etag []byte) func() error {
		return func() error {
			p, err := projects.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: here})
			if err != nil {
				return err
			}
			if etag != nil {
				if _, err := projects.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: here, Policy: p}); err != nil {
					return err
				}
			}
			return second(projects.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: here, Policy: p}))
		}
	}
	remove := func(name string) func() error {
		return func() error {
			op, err := projects.DeleteProject(ctx, &resourcemanagerpb.DeleteProjectRequest{Name: name})
			if err != nil {
				return err
			}
			return second(op.Wait(ctx))
		}
	}
	restore := func(name string) func() error {
		return func() error {
			op, err := projects.UndeleteProject(ctx, &resourcemanagerpb.UndeleteProjectRequest{Name: name})
			if err != nil {
				return err
			}
			return second(op.Wait(ctx))
		}
	}
	const denied = "IAM_PERMISSION_DENIED"
	return []tried{
		{"Projects/CreateProject", create("brand-new-g"), create(sandbox.Project), 409, "already exists"},
		{"Projects/GetProject", get(here), get(absent), 403, denied},
		{"Projects/SearchProjects", search("state:ACTIVE"), search("a"), 400, ""},
		{"Projects/TestIamPermissions", may("resourcemanager.projects.get"), may("resourcemanager.projects.create"), 400, "resourcemanager.projects.create"},
		{"Projects/GetIamPolicy", policy(here), policy(absent), 403, denied},
		{"Projects/SetIamPolicy", set(nil), set([]byte{1}), 409, "concurrent policy changes"},
		{"Projects/DeleteProject", remove("projects/brand-new-g"), remove(absent), 403, denied},
		{"Projects/UndeleteProject", restore("projects/brand-new-g"), restore("projects/brand-new-g"), 400, "Cannot undelete an active project."},
	}
}

func gapicBilling(ctx context.Context, t *testing.T, use option.ClientOption) []tried {
	bills := made[*billing.CloudBillingClient](t)(billing.NewCloudBillingRESTClient(ctx, use))
	info := func(name string) func() error {
		return func() error {
			return second(bills.GetProjectBillingInfo(ctx, &billingpb.GetProjectBillingInfoRequest{Name: name}))
		}
	}
	link := func(account string) func() error {
		return func() error {
			if account == "" {
				a, err := bills.ListBillingAccounts(ctx, &billingpb.ListBillingAccountsRequest{}).Next()
				if err != nil {
					return err
				}
				account = a.GetName()
			}
			return second(bills.UpdateProjectBillingInfo(ctx, &billingpb.UpdateProjectBillingInfoRequest{
				Name: "projects/acme-staging", ProjectBillingInfo: &billingpb.ProjectBillingInfo{BillingAccountName: account}}))
		}
	}
	accounts := func(filter string) func() error {
		return func() error {
			return drained(bills.ListBillingAccounts(ctx, &billingpb.ListBillingAccountsRequest{Filter: filter}).Next)
		}
	}
	const denied = "does not have permission"
	return []tried{
		{"CloudBilling/ListBillingAccounts", accounts("open=true"), accounts("nonsense"), 400, "invalid argument"},
		{"CloudBilling/UpdateProjectBillingInfo", link(""), link("billingAccounts/000000-000000-000000"), 403, denied},
		{"CloudBilling/GetProjectBillingInfo", info(here), info(absent), 403, denied},
	}
}

func gapicUsage(ctx context.Context, t *testing.T, use option.ClientOption) []tried {
	usage := made[*serviceusage.Client](t)(serviceusage.NewRESTClient(ctx, use))
	enable := func(api string) func() error {
		return func() error {
			op, err := usage.BatchEnableServices(ctx, &serviceusagepb.BatchEnableServicesRequest{Parent: here, ServiceIds: []string{api}})
			if err != nil || op.Done() {
				return err
			}
			return second(op.Wait(ctx))
		}
	}
	get := func(api string) func() error {
		return func() error {
			return second(usage.BatchGetServices(ctx, &serviceusagepb.BatchGetServicesRequest{Parent: here, Names: []string{here + "/services/" + api}}))
		}
	}
	return []tried{
		{"ServiceUsage/BatchEnableServices", enable("secretmanager.googleapis.com"), enable("nothing.googleapis.com"), 403, "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED"},
		{"ServiceUsage/BatchGetServices", get("secretmanager.googleapis.com"), get("nothing.googleapis.com"), 403, "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED"},
	}
}

func gapicKMS(ctx context.Context, t *testing.T, use option.ClientOption) []tried {
	c := made[*kms.KeyManagementClient](t)(kms.NewKeyManagementRESTClient(ctx, use))
	locations := func(name string) func() error {
		return func() error {
			return drained(c.ListLocations(ctx, listLocations(name)).Next)
		}
	}
	at := func(name string) func() error {
		return func() error { return second(c.GetLocation(ctx, &locationpb.GetLocationRequest{Name: name})) }
	}
	makeRing := func() error {
		return second(c.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: "r"}))
	}
	makeKey := func() error {
		return second(c.CreateCryptoKey(ctx, &kmspb.CreateCryptoKeyRequest{Parent: ring, CryptoKeyId: "k", CryptoKey: &kmspb.CryptoKey{
			Purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}}))
	}
	getRing := func(name string) func() error {
		return func() error { return second(c.GetKeyRing(ctx, &kmspb.GetKeyRingRequest{Name: name})) }
	}
	getKey := func(name string) func() error {
		return func() error { return second(c.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: name})) }
	}
	getVersion := func(name string) func() error {
		return func() error {
			return second(c.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: name}))
		}
	}
	versions := func(key, filter string) func() error {
		return func() error {
			return drained(c.ListCryptoKeyVersions(ctx, &kmspb.ListCryptoKeyVersionsRequest{Parent: key, Filter: filter}).Next)
		}
	}
	rings := func(parent string) func() error {
		return func() error { return drained(c.ListKeyRings(ctx, &kmspb.ListKeyRingsRequest{Parent: parent}).Next) }
	}
	public := func(name string) func() error {
		return func() error { return second(c.GetPublicKey(ctx, &kmspb.GetPublicKeyRequest{Name: name})) }
	}
	sign := func(size int) func() error {
		return func() error {
			return second(c.AsymmetricSign(ctx, &kmspb.AsymmetricSignRequest{Name: first, Digest: &kmspb.Digest{Digest: &kmspb.Digest_Sha256{Sha256: make([]byte, size)}}}))
		}
	}
	add := func(key string) func() error {
		return func() error {
			return second(c.CreateCryptoKeyVersion(ctx, &kmspb.CreateCryptoKeyVersionRequest{Parent: key, CryptoKeyVersion: &kmspb.CryptoKeyVersion{}}))
		}
	}
	update := func(state kmspb.CryptoKeyVersion_CryptoKeyVersionState) func() error {
		return func() error {
			return second(c.UpdateCryptoKeyVersion(ctx, &kmspb.UpdateCryptoKeyVersionRequest{
				CryptoKeyVersion: &kmspb.CryptoKeyVersion{Name: signer + "/cryptoKeyVersions/2", State: state}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"state"}}}))
		}
	}
	destroy := func(version string) func() error {
		return func() error {
			return second(c.DestroyCryptoKeyVersion(ctx, &kmspb.DestroyCryptoKeyVersionRequest{Name: signer + "/cryptoKeyVersions/" + version}))
		}
	}
	restore := func(version string) func() error {
		return func() error {
			return second(c.RestoreCryptoKeyVersion(ctx, &kmspb.RestoreCryptoKeyVersionRequest{Name: signer + "/cryptoKeyVersions/" + version}))
		}
	}
	may := func(permission string) func() error {
		return func() error {
			return second(c.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: signer, Permissions: []string{permission}}))
		}
	}
	return []tried{
		{"Locations/ListLocations", locations(here), locations(absent), 403, ""},
		{"Locations/GetLocation", at(place), at(here + "/locations/mars"), 404, "KMS_RESOURCE_NOT_FOUND_IN_LOCATION"},
		{"KeyManagementService/CreateKeyRing", makeRing, makeRing, 409, "KeyRing " + ring + " already exists."},
		{"KeyManagementService/GetKeyRing", getRing(ring), getRing(ring + "x"), 404, "KeyRing " + ring + "x not found."},
		{"KeyManagementService/ListKeyRings", rings(place), rings(here + "/locations/mars"), 404, ""},
		{"KeyManagementService/CreateCryptoKey", makeKey, makeKey, 409, "CryptoKey " + signer + " already exists."},
		{"KeyManagementService/GetCryptoKey", getKey(signer), getKey(signer + "x"), 404, "CryptoKey " + signer + "x not found."},
		{"KeyManagementService/GetCryptoKeyVersion", getVersion(first), getVersion(first + "0"), 404, "not found."},
		{"KeyManagementService/ListCryptoKeyVersions", versions(signer, "state=ENABLED"), versions(signer, "state~x"), 400, ""},
		{"KeyManagementService/GetPublicKey", public(first), public(first + "0"), 404, "not found."},
		{"KeyManagementService/AsymmetricSign", sign(32), sign(20), 400, "digest"},
		{"KeyManagementService/CreateCryptoKeyVersion", add(signer), add(signer + "x"), 404, "not found."},
		{"KeyManagementService/UpdateCryptoKeyVersion", update(kmspb.CryptoKeyVersion_DISABLED), update(kmspb.CryptoKeyVersion_DESTROYED), 400, ""},
		{"IAMPolicy/TestIamPermissions", may("cloudkms.cryptoKeyVersions.useToSign"), may("*"), 400, ""},
		{"KeyManagementService/DestroyCryptoKeyVersion", destroy("2"), destroy("2"), 400, "DESTROY_SCHEDULED"},
		{"KeyManagementService/RestoreCryptoKeyVersion", restore("2"), restore("1"), 400, "ENABLED"},
	}
}

func gapicArtifacts(ctx context.Context, t *testing.T, use option.ClientOption) []tried {
	c := made[*artifactregistry.Client](t)(artifactregistry.NewRESTClient(ctx, use))
	create := func() error {
		op, err := c.CreateRepository(ctx, &artifactregistrypb.CreateRepositoryRequest{Parent: place, RepositoryId: "containers",
			Repository: &artifactregistrypb.Repository{Format: artifactregistrypb.Repository_DOCKER}})
		if err != nil {
			return err
		}
		return second(op.Wait(ctx))
	}
	get := func(name string) func() error {
		return func() error {
			return second(c.GetRepository(ctx, &artifactregistrypb.GetRepositoryRequest{Name: name}))
		}
	}
	list := func(parent string) func() error {
		return func() error {
			return drained(c.ListRepositories(ctx, &artifactregistrypb.ListRepositoriesRequest{Parent: parent}).Next)
		}
	}
	at := func(name string) func() error {
		return func() error { return second(c.GetLocation(ctx, &locationpb.GetLocationRequest{Name: name})) }
	}
	images := func(name string) func() error {
		return func() error {
			return drained(c.ListDockerImages(ctx, &artifactregistrypb.ListDockerImagesRequest{Parent: name}).Next)
		}
	}
	policy := func(name string) func() error {
		return func() error { return second(c.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: name})) }
	}
	set := func(member string) func() error {
		return func() error {
			return second(c.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: repo, Policy: &iampb.Policy{Bindings: []*iampb.Binding{
				{Role: "roles/artifactregistry.reader", Members: []string{member}}}}}))
		}
	}
	remove := func() error {
		op, err := c.DeleteRepository(ctx, &artifactregistrypb.DeleteRepositoryRequest{Name: repo})
		if err != nil {
			return err
		}
		return op.Wait(ctx)
	}
	may := func(permission string) func() error {
		return func() error {
			return second(c.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: repo, Permissions: []string{permission}}))
		}
	}
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

func gapicClusters(ctx context.Context, t *testing.T, use option.ClientOption) []tried {
	c := made[*container.ClusterManagerClient](t)(container.NewClusterManagerRESTClient(ctx, use))
	var op *containerpb.Operation
	create := func() error {
		made, err := c.CreateCluster(ctx, &containerpb.CreateClusterRequest{Parent: zone, Cluster: &containerpb.Cluster{Name: "c", InitialNodeCount: 1}})
		if err == nil {
			op = made
		}
		return err
	}
	get := func(name string) func() error {
		return func() error { return second(c.GetCluster(ctx, &containerpb.GetClusterRequest{Name: name})) }
	}
	list := func(parent string) func() error {
		return func() error { return second(c.ListClusters(ctx, &containerpb.ListClustersRequest{Parent: parent})) }
	}
	config := func(at string) func() error {
		return func() error {
			return second(c.GetServerConfig(ctx, &containerpb.GetServerConfigRequest{Name: at}))
		}
	}
	operation := func(name string) func() error {
		return func() error {
			if name == "" {
				name = op.GetName()
			}
			return second(c.GetOperation(ctx, &containerpb.GetOperationRequest{Name: zone + "/operations/" + name}))
		}
	}
	remove := func() (err error) {
		for op.GetStatus() != containerpb.Operation_DONE && err == nil { // nothing is deleted while it is made
			op, err = c.GetOperation(ctx, &containerpb.GetOperationRequest{Name: zone + "/operations/" + op.GetName()})
		}
		return second(c.DeleteCluster(ctx, &containerpb.DeleteClusterRequest{Name: cluster}))
	}
	missing := func() error {
		return second(c.DeleteCluster(ctx, &containerpb.DeleteClusterRequest{Name: cluster + "x"}))
	}
	return []tried{
		{"ClusterManager/GetServerConfig", config(zone), config(zone + "x"), 403, "Permission denied on 'locations/europe-west1-bx' (or it may not exist)."},
		{"ClusterManager/CreateCluster", create, create, 409, "Already exists: " + here + "/zones/europe-west1-b/clusters/c."},
		{"ClusterManager/GetCluster", get(cluster), get(cluster + "x"), 404, "Not found: " + here + "/zones/europe-west1-b/clusters/cx."},
		{"ClusterManager/ListClusters", list(here + "/locations/-"), list(absent + "/locations/-"), 403, ""},
		{"ClusterManager/GetOperation", operation(""), operation("operation-none"), 404, ""},
		{"ClusterManager/DeleteCluster", remove, missing, 404, "Not found: "},
	}
}

func listLocations(name string) *locationpb.ListLocationsRequest {
	return &locationpb.ListLocationsRequest{Name: name}
}
