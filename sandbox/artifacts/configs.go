package artifacts

import (
	"strings"

	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// misplaced is the refusal of a config that is for repositories of another format or mode.
func misplaced(r *pb.Repository, config string) error {
	switch {
	case config == "docker_config" && r.GetFormat() != pb.Repository_DOCKER:
		return invalid("Docker config can only be set on repositories of format DOCKER.")
	case config == "maven_config" && r.GetFormat() != pb.Repository_MAVEN:
		return invalid("Maven config can only be set on repositories of format MAVEN.")
	case config == "virtual_repository_config" && r.GetMode() != pb.Repository_VIRTUAL_REPOSITORY:
		return invalid("Virtual repository config can only be set on virtual repositories.")
	case config == "remote_repository_config" && r.GetMode() != pb.Repository_REMOTE_REPOSITORY:
		return invalid("Remote repository config can only be set on remote repositories.")
	}
	return nil
}

// configured holds a repository's configs against its format and mode, and against the
// repositories that there are. The caller holds the lock.
func (s *Service) configured(r *pb.Repository) error {
	m := r.ProtoReflect()
	for _, of := range []protoreflect.Name{"format_config", "mode_config"} {
		if fd := m.WhichOneof(m.Descriptor().Oneofs().ByName(of)); fd != nil {
			if err := misplaced(r, string(fd.Name())); err != nil {
				return err
			}
		}
	}
	switch {
	case r.GetMode() == pb.Repository_VIRTUAL_REPOSITORY && r.GetVirtualRepositoryConfig() == nil:
		return invalid("Virtual repository config is not specified")
	case r.GetMode() == pb.Repository_REMOTE_REPOSITORY && r.GetRemoteRepositoryConfig() == nil:
		return invalid("Remote repositories must have a remote repository config.")
	}
	for _, p := range r.GetVirtualRepositoryConfig().GetUpstreamPolicies() {
		up := s.find(p.GetRepository())
		if up == nil {
			return invalid("Upstream repository %q does not exist.", p.GetRepository())
		}
		if up.GetFormat() != r.GetFormat() {
			return invalid("Upstream repository %q is of format %s, not %s.", p.GetRepository(), up.GetFormat(), r.GetFormat())
		}
	}
	return remoteSource(r)
}

// remoteSource holds what a remote repository stands for against its format
// ("docker_repository"); a common one is for all of them.
func remoteSource(r *pb.Repository) error {
	m := r.GetRemoteRepositoryConfig().ProtoReflect()
	fd := m.WhichOneof(m.Descriptor().Oneofs().ByName("remote_source"))
	if fd == nil {
		return nil
	}
	of := strings.ToUpper(strings.TrimSuffix(string(fd.Name()), "_repository"))
	if of != "COMMON" && of != r.GetFormat().String() {
		return invalid("The remote source is of format %s, the repository of format %s.", of, r.GetFormat())
	}
	return nil
}
