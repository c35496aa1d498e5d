package artifacts_test

import (
	"strings"
	"testing"

	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/iam"
)

func maven(p pb.Repository_MavenRepositoryConfig_VersionPolicy) *pb.Repository_MavenConfig {
	return &pb.Repository_MavenConfig{MavenConfig: &pb.Repository_MavenRepositoryConfig{VersionPolicy: p}}
}

func virtual(upstream ...string) *pb.Repository_VirtualRepositoryConfig {
	c := &pb.VirtualRepositoryConfig{}
	for _, u := range upstream {
		c.UpstreamPolicies = append(c.UpstreamPolicies, &pb.UpstreamPolicy{Id: "u", Priority: 1, Repository: u})
	}
	return &pb.Repository_VirtualRepositoryConfig{VirtualRepositoryConfig: c}
}

func remote() *pb.Repository_RemoteRepositoryConfig {
	return &pb.Repository_RemoteRepositoryConfig{RemoteRepositoryConfig: &pb.RemoteRepositoryConfig{RemoteSource: &pb.RemoteRepositoryConfig_DockerRepository_{
		DockerRepository: &pb.RemoteRepositoryConfig_DockerRepository{Upstream: &pb.RemoteRepositoryConfig_DockerRepository_PublicRepository_{
			PublicRepository: pb.RemoteRepositoryConfig_DockerRepository_DOCKER_HUB}}}}}
}

// Configs are for their format and mode, and name what there is.
func TestConfigs(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	c, ctx := w.client(t, iam.Owner), t.Context()
	const docker, mvn = pb.Repository_DOCKER, pb.Repository_MAVEN
	const anyMode, isVirtual, isRemote = pb.Repository_MODE_UNSPECIFIED, pb.Repository_VIRTUAL_REPOSITORY, pb.Repository_REMOTE_REPOSITORY
	created := func(id string, r *pb.Repository) error {
		_, err := c.CreateRepository(ctx, &pb.CreateRepositoryRequest{Parent: parent, RepositoryId: id, Repository: r})
		return err
	}
	release := maven(pb.Repository_MavenRepositoryConfig_RELEASE)
	for id, r := range map[string]*pb.Repository{
		"plain": {Format: docker}, "jars": {Format: mvn, FormatConfig: release}, "hub": {Format: docker, Mode: isRemote, ModeConfig: remote()},
		"all": {Format: docker, Mode: isVirtual, ModeConfig: virtual()},
	} {
		if err := created(id, r); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for words, r := range map[string]*pb.Repository{
		"of format MAVEN":                         {Format: docker, FormatConfig: release},
		"of format DOCKER":                        {Format: mvn, FormatConfig: &pb.Repository_DockerConfig{DockerConfig: &pb.Repository_DockerRepositoryConfig{}}},
		"on virtual repositories":                 {Format: docker, Mode: anyMode, ModeConfig: virtual()},
		"on remote repositories":                  {Format: docker, Mode: isVirtual, ModeConfig: remote()},
		"Virtual repository config is not":        {Format: docker, Mode: isVirtual},
		"must have a remote":                      {Format: docker, Mode: isRemote},
		"none\" does not exist":                   {Format: docker, Mode: isVirtual, ModeConfig: virtual(parent + "/repositories/none")},
		"jars\" is of format MAVEN":               {Format: docker, Mode: isVirtual, ModeConfig: virtual(parent+"/repositories/plain", parent+"/repositories/jars")},
		"The remote source is of format DOCKER, ": {Format: mvn, Mode: isRemote, ModeConfig: remote()},
	} {
		if err := created("refused", r); !is(err, 400) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	change := func(id string, r *pb.Repository, paths ...string) (*pb.Repository, error) {
		r.Name = parent + "/repositories/" + id
		req := &pb.UpdateRepositoryRequest{Repository: r}
		if len(paths) > 0 {
			req.UpdateMask = &fieldmaskpb.FieldMask{Paths: paths}
		}
		return c.UpdateRepository(ctx, req)
	}
	for _, path := range []string{"maven_config", "remote_repository_config", "virtual_repository_config"} {
		if _, err := change("plain", &pb.Repository{}, path); !is(err, 400) {
			t.Errorf("%s of a standard repository: %v", path, err)
		}
	}
	if _, err := change("all", &pb.Repository{ModeConfig: virtual(parent + "/repositories/none")}, "virtual_repository_config"); !is(err, 400) {
		t.Errorf("an upstream that is not there: %v", err)
	}
	got, err := change("all", &pb.Repository{ModeConfig: virtual("projects/acme-demo/locations/europe-west1/repositories/plain")})
	if err != nil || len(got.GetVirtualRepositoryConfig().GetUpstreamPolicies()) != 1 {
		t.Errorf("upstreams without a mask: %v, %v", got, err)
	}
	got, err = change("jars", &pb.Repository{FormatConfig: maven(pb.Repository_MavenRepositoryConfig_SNAPSHOT)})
	if err != nil || got.GetMavenConfig().GetVersionPolicy() != pb.Repository_MavenRepositoryConfig_SNAPSHOT {
		t.Errorf("a Maven config without a mask: %v, %v", got, err)
	}
	if got, err := change("plain", &pb.Repository{FormatConfig: release}); !is(err, 400) {
		t.Errorf("a Maven config without a mask, for images: %v, %v", got, err)
	}
}
