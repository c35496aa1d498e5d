package artifacts_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	artifactregistry "cloud.google.com/go/artifactregistry/apiv1"
	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/iam"
)

func create(t testing.TB, c *artifactregistry.Client, id string, r *pb.Repository) *pb.Repository {
	t.Helper()
	r.Format = pb.Repository_DOCKER
	op, err := c.CreateRepository(t.Context(), &pb.CreateRepositoryRequest{Parent: parent, RepositoryId: id, Repository: r})
	check(t, err)
	made, err := op.Wait(t.Context())
	check(t, err)
	return made
}

// all is what an iterator has.
func all[T any](t testing.TB, next func() (T, error)) []T {
	t.Helper()
	var list []T
	for {
		one, err := next()
		if errors.Is(err, iterator.Done) {
			return list
		}
		check(t, err)
		list = append(list, one)
	}
}

// is says whether an error came over REST with an HTTP status.
func is(err error, code int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == code
}

// TestRepository is the life of one, by Google's client.
func TestRepository(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	c, ctx := w.client(t, iam.Owner), t.Context()
	create(t, c, "containers", &pb.Repository{Labels: map[string]string{"managed-by": "signgate"}})
	create(t, c, "others", &pb.Repository{})
	got, err := c.GetRepository(ctx, &pb.GetRepositoryRequest{Name: parent + "/repositories/containers"})
	check(t, err)
	if got.GetRegistryUri() != garHost+"/acme-demo/containers" || got.GetMode() != pb.Repository_STANDARD_REPOSITORY || got.GetLabels()["managed-by"] != "signgate" || got.GetCreateTime() == nil {
		t.Errorf("repository: %v", got)
	}
	var names []string
	for _, size := range []int32{0, 1} {
		names = nil
		for _, r := range all(t, c.ListRepositories(ctx, &pb.ListRepositoriesRequest{Parent: parent, PageSize: size}).Next) {
			names = append(names, r.GetName())
		}
		if strings.Join(names, " ") != parent+"/repositories/containers "+parent+"/repositories/others" {
			t.Errorf("list by %d: %v", size, names)
		}
	}
	some := all(t, c.ListRepositories(ctx, &pb.ListRepositoriesRequest{Parent: parent, Filter: `name="` + parent + `/repositories/oth*"`}).Next)
	if len(some) != 1 {
		t.Errorf("filtered: %v", some)
	}
	changed, err := c.UpdateRepository(ctx, &pb.UpdateRepositoryRequest{
		Repository: &pb.Repository{Name: got.GetName(), Description: "new", Labels: map[string]string{"a": "b"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	check(t, err)
	if changed.GetDescription() != "" || changed.GetLabels()["a"] != "b" || len(changed.GetLabels()) != 1 {
		t.Errorf("changed: %v", changed)
	}
	op, err := c.DeleteRepository(ctx, &pb.DeleteRepositoryRequest{Name: got.GetName()})
	check(t, err)
	check(t, op.Wait(ctx))
	if _, err := c.GetRepository(ctx, &pb.GetRepositoryRequest{Name: got.GetName()}); !is(err, 404) {
		t.Errorf("deleted: %v", err)
	}
}

// TestContents looks at images that came in by the registry's door.
func TestContents(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	c, ctx := w.client(t, iam.Owner), t.Context()
	repo := create(t, c, "containers", &pb.Repository{}).GetName()
	check(t, crane.Copy("hello-world", garHost+"/acme-demo/containers/team/hello:v1", w.crane(iam.Owner)...))
	digest, err := crane.Digest(garHost+"/acme-demo/containers/team/hello:v1", w.crane(iam.Owner)...)
	check(t, err)
	pkg := repo + "/packages/team%2Fhello"
	packages := all(t, c.ListPackages(ctx, &pb.ListPackagesRequest{Parent: repo}).Next)
	if len(packages) != 1 || packages[0].GetName() != pkg {
		t.Errorf("packages: %v", packages)
	}
	versions := all(t, c.ListVersions(ctx, &pb.ListVersionsRequest{Parent: pkg, View: pb.VersionView_FULL}).Next)
	if len(versions) != 5 || versions[0].GetName() != pkg+"/versions/"+digest || len(versions[0].GetRelatedTags()) != 1 {
		t.Errorf("versions: %v", versions)
	}
	tag, err := c.GetTag(ctx, &pb.GetTagRequest{Name: pkg + "/tags/v1"})
	if err != nil || tag.GetVersion() != pkg+"/versions/"+digest {
		t.Errorf("tag: %v, %v", tag, err)
	}
	images := all(t, c.ListDockerImages(ctx, &pb.ListDockerImagesRequest{Parent: repo, PageSize: 2}).Next)
	if len(images) != 5 || images[0].GetUri() != garHost+"/acme-demo/containers/team/hello@"+digest || len(images[0].GetImageManifests()) != 4 || images[0].GetTags()[0] != "v1" || images[1].GetBuildTime() == nil {
		t.Errorf("images: %v", images)
	}
	if image, err := c.GetDockerImage(ctx, &pb.GetDockerImageRequest{Name: images[0].GetName()}); err != nil || image.GetUri() != images[0].GetUri() {
		t.Errorf("image: %v, %v", image, err)
	}
	if files := all(t, c.ListFiles(ctx, &pb.ListFilesRequest{Parent: repo}).Next); len(files) != 13 {
		t.Errorf("%d files, want 13", len(files))
	}
	_, err = c.CreateTag(ctx, &pb.CreateTagRequest{Parent: pkg, TagId: "v2", Tag: &pb.Tag{Version: versions[1].GetName()}})
	check(t, err)
	if _, err := c.DeleteVersion(ctx, &pb.DeleteVersionRequest{Name: pkg + "/versions/" + digest}); !is(err, 400) {
		t.Errorf("a tagged version: %v", err)
	}
	op, err := c.DeleteVersion(ctx, &pb.DeleteVersionRequest{Name: pkg + "/versions/" + digest, Force: true})
	check(t, err)
	check(t, op.Wait(ctx))
	check(t, c.DeleteTag(ctx, &pb.DeleteTagRequest{Name: pkg + "/tags/v2"}))
	gone, err := c.DeletePackage(ctx, &pb.DeletePackageRequest{Name: pkg})
	check(t, err)
	check(t, gone.Wait(ctx))
	if files := all(t, c.ListFiles(ctx, &pb.ListFilesRequest{Parent: repo}).Next); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
}

func TestImmutableTags(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	c, ctx := w.client(t, iam.Owner), t.Context()
	repo := create(t, c, "fixed", &pb.Repository{FormatConfig: &pb.Repository_DockerConfig{DockerConfig: &pb.Repository_DockerRepositoryConfig{ImmutableTags: true}}}).GetName()
	check(t, crane.Copy("hello-world", garHost+"/acme-demo/fixed/hello:v1", w.crane(iam.Owner)...))
	const words = "cannot delete tag v1. The repository has enabled tag immutability"
	if err := c.DeleteTag(ctx, &pb.DeleteTagRequest{Name: repo + "/packages/hello/tags/v1"}); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("delete: %v", err)
	}
	_, err := c.UpdateRepository(ctx, &pb.UpdateRepositoryRequest{Repository: &pb.Repository{Name: repo}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"docker_config"}}})
	check(t, err)
	check(t, c.DeleteTag(ctx, &pb.DeleteTagRequest{Name: repo + "/packages/hello/tags/v1"}))
}

// TestRefusals are word for word.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	owner, viewer, ctx := w.overGRPC(t, iam.Owner), w.overGRPC(t, iam.Viewer), context.Background()
	create(t, owner, "containers", &pb.Repository{})
	make := func(c *artifactregistry.Client, in, id string, r *pb.Repository) func() error {
		return func() error {
			_, err := c.CreateRepository(ctx, &pb.CreateRepositoryRequest{Parent: in, RepositoryId: id, Repository: r})
			return err
		}
	}
	update := func(path string, r *pb.Repository) func() error {
		r.Name = parent + "/repositories/containers"
		return func() error {
			_, err := owner.UpdateRepository(ctx, &pb.UpdateRepositoryRequest{Repository: r, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
			return err
		}
	}
	docker := &pb.Repository{Format: pb.Repository_DOCKER}
	for _, test := range []struct {
		name   string
		do     func() error
		code   codes.Code
		reason string
		want   string
	}{
		{"the viewer creates", make(viewer, parent, "r", docker), codes.PermissionDenied, "IAM_PERMISSION_DENIED",
			"Permission 'artifactregistry.repositories.create' denied on resource '//artifactregistry.googleapis.com/" + parent + "' (or it may not exist)."},
		{"it is there", make(owner, parent, "containers", docker), codes.AlreadyExists, "", "the repository already exists"},
		{"the API is off", make(owner, "projects/acme-staging/locations/us", "r", docker), codes.PermissionDenied, "SERVICE_DISABLED", "Artifact Registry API has not been used in project"},
		{"no such project", make(owner, "projects/no-such-project/locations/us", "r", docker), codes.PermissionDenied, "CONSUMER_INVALID", "Permission denied on resource project no-such-project."},
		{"no such location", make(owner, "projects/acme-demo/locations/moon", "r", docker), codes.PermissionDenied, "", "Location moon is not found or access is unauthorized."},
		{"no format", make(owner, parent, "r", &pb.Repository{}), codes.InvalidArgument, "", "Repository format is required."},
		{"an id that is none", make(owner, parent, "Containers", docker), codes.InvalidArgument, "", `Repository ID "Containers" is invalid`},
		{"a label that is none", make(owner, parent, "r", &pb.Repository{Format: pb.Repository_DOCKER, Labels: map[string]string{"Upper": "x"}}), codes.InvalidArgument, "", `Invalid label "Upper": "x".`},
		{"another format", update("format", &pb.Repository{Format: pb.Repository_NPM}), codes.InvalidArgument, "", `Field "format" cannot be updated.`},
		{"an unknown repository", func() error {
			_, err := owner.GetRepository(ctx, &pb.GetRepositoryRequest{Name: parent + "/repositories/none"})
			return err
		}, codes.NotFound, "", "Requested entity was not found."},
		{"a policy of nothing", func() error {
			_, err := owner.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: parent + "/repositories/none"})
			return err
		}, codes.NotFound, "", "Requested entity was not found."},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.do()
			e, ok := apierror.FromError(err)
			if !ok || e.GRPCStatus().Code() != test.code || e.Reason() != test.reason || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s %s %s", err, test.code, test.reason, test.want)
			}
		})
	}
}

// TestSlow: what takes time is not there before it is done, and outlives a restart.
func TestSlow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, artifacts.Options{Latency: artifacts.Latency{Create: time.Hour}})
	c := w.overGRPC(t, iam.Owner)
	request := &pb.CreateRepositoryRequest{Parent: parent, RepositoryId: "slow", Repository: &pb.Repository{Format: pb.Repository_DOCKER}}
	op, err := c.CreateRepository(t.Context(), request)
	check(t, err)
	for _, c := range []*artifactregistry.Client{c, start(t, dir, artifacts.Options{}).overGRPC(t, iam.Owner)} {
		if _, err := c.GetRepository(t.Context(), &pb.GetRepositoryRequest{Name: parent + "/repositories/slow"}); status.Code(err) != codes.NotFound {
			t.Errorf("it is there too soon: %v", err)
		}
		if _, err := c.CreateRepository(t.Context(), request); status.Code(err) != codes.AlreadyExists {
			t.Errorf("made twice: %v", err)
		}
		again := c.CreateRepositoryOperation(op.Name())
		if _, err := again.Poll(t.Context()); err != nil || again.Done() {
			t.Errorf("done: %v, %v", again.Done(), err)
		}
	}
}

// TestPolicy: what a repository's policy gives holds for what is in it.
func TestPolicy(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	c, ctx := w.client(t, iam.Owner), t.Context()
	repo := create(t, c, "containers", &pb.Repository{}).GetName()
	policy, err := c.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: repo})
	check(t, err)
	policy.Bindings = append(policy.Bindings, &iampb.Binding{Role: "roles/artifactregistry.repoAdmin", Members: []string{"user:" + iam.Viewer}})
	_, err = c.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: repo, Policy: policy})
	check(t, err)
	check(t, crane.Copy("hello-world", garHost+"/acme-demo/containers/hello:v1", w.crane(iam.Viewer)...))
	check(t, w.client(t, iam.Viewer).DeleteTag(ctx, &pb.DeleteTagRequest{Name: repo + "/packages/hello/tags/v1"}))
	held, err := w.client(t, iam.Viewer).TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: repo,
		Permissions: []string{"artifactregistry.repositories.uploadArtifacts", "artifactregistry.repositories.setIamPolicy"}})
	if err != nil || len(held.GetPermissions()) != 1 {
		t.Errorf("held: %v, %v", held, err)
	}
	op, err := c.DeleteRepository(ctx, &pb.DeleteRepositoryRequest{Name: repo})
	check(t, err)
	check(t, op.Wait(ctx))
	create(t, c, "containers", &pb.Repository{})
	if policy, err := c.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: repo}); err != nil || len(policy.GetBindings()) != 0 {
		t.Errorf("a new repository has the old one's policy: %v, %v", policy, err)
	}
}

// TestBeta: gcloud asks the second beta about locations.
func TestBeta(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	client := http.Client{Transport: signedIn{w.transport(), w.token(iam.Viewer)}}
	for path, want := range map[string]int{
		"v1beta2/projects/acme-demo/locations": 200, "v1beta1/projects/acme-demo/locations/us": 200, "v1/projects/acme-demo/locations": 200, "v1/projects/acme-demo/locations/moon": 403,
		"v1beta3/projects/acme-demo/locations": 404, "v1/projects/acme-demo/locations/us/repositories/r:explode": 404,
	} {
		resp, err := client.Get("https://" + artifacts.Host + "/" + path)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}
