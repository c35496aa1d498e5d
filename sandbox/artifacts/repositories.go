package artifacts

import (
	"context"
	"slices"
	"strings"

	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signgate/signgate/sandbox/iam"
)

// CreateRepository makes one. It can be seen when the operation is done.
func (s *Service) CreateRepository(_ context.Context, req *pb.CreateRepositoryRequest) (*longrunningpb.Operation, error) {
	parts := strings.Split(s.canonical(req.GetParent()), "/")
	if len(parts) != 4 || parts[2] != "locations" {
		return nil, badRequest()
	}
	if !isLocation(parts[3]) {
		return nil, noLocation(parts[3])
	}
	if !isID(req.GetRepositoryId()) {
		return nil, invalid("Repository ID %q is invalid: it must start with a lowercase letter, followed by up to 62 lowercase letters, numbers or hyphens, and cannot end with a hyphen.", req.GetRepositoryId())
	}
	r, err := s.fresh(req.GetRepository())
	if err != nil {
		return nil, err
	}
	r.Name = strings.Join(parts, "/") + "/repositories/" + req.GetRepositoryId()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Repositories[r.GetName()] != nil {
		return nil, exists("repository")
	}
	if err := s.configured(r); err != nil {
		return nil, err
	}
	s.scanning(r, parts[1])
	answer := proto.Clone(r).(*pb.Repository) // times are not in it, as in the real one
	now := s.iam.Now()
	r.CreateTime, r.UpdateTime = timestamppb.New(now), timestamppb.New(now)
	s.state.Repositories[r.GetName()] = &repository{Repository: r, Ready: now.Add(s.latency.Create)}
	op, err := s.begin(r.GetName(), s.latency.Create, answer)
	if err != nil {
		delete(s.state.Repositories, r.GetName())
	}
	return op, err
}

// fresh is what is kept of a repository that a client asks for.
func (s *Service) fresh(asked *pb.Repository) (*pb.Repository, error) {
	if asked.GetFormat() == pb.Repository_FORMAT_UNSPECIFIED {
		return nil, invalid("Repository format is required.")
	}
	r := proto.Clone(asked).(*pb.Repository)
	r.CreateTime, r.UpdateTime, r.SizeBytes, r.SatisfiesPzs, r.SatisfiesPzi, r.RegistryUri = nil, nil, 0, false, true, ""
	if r.GetMode() == pb.Repository_MODE_UNSPECIFIED {
		r.Mode = pb.Repository_STANDARD_REPOSITORY
	}
	return r, labels(r.GetLabels())
}

func labels(all map[string]string) error {
	if len(all) > 64 {
		return invalid("Too many labels: %d, at most 64 are allowed.", len(all))
	}
	for k, v := range all {
		if !isLabelKey(k) || !isLabelText(v) {
			return invalid("Invalid label %q: %q.", k, v)
		}
	}
	return nil
}

// scanning says what became of the wish to have images looked at.
func (s *Service) scanning(r *pb.Repository, project string) {
	c := &pb.Repository_VulnerabilityScanningConfig{
		EnablementConfig: r.GetVulnerabilityScanningConfig().GetEnablementConfig(), LastEnableTime: timestamppb.New(s.iam.Now()),
	}
	p, _ := s.iam.Project(project)
	const api = "containerscanning.googleapis.com"
	switch {
	case r.GetFormat() != pb.Repository_DOCKER:
		c.EnablementState = pb.Repository_VulnerabilityScanningConfig_SCANNING_UNSUPPORTED
		c.EnablementStateReason = "Repository format " + r.GetFormat().String() + " is not supported."
	case r.GetMode() == pb.Repository_VIRTUAL_REPOSITORY:
		c.EnablementState = pb.Repository_VulnerabilityScanningConfig_SCANNING_UNSUPPORTED
		c.EnablementStateReason = "Repository mode " + r.GetMode().String() + " is not supported."
	case !slices.Contains(p.Enabled, api):
		c.EnablementState = pb.Repository_VulnerabilityScanningConfig_SCANNING_DISABLED
		c.EnablementStateReason = "API " + api + " is not enabled."
	default:
		c.EnablementState = pb.Repository_VulnerabilityScanningConfig_SCANNING_ACTIVE
	}
	r.VulnerabilityScanningConfig = c
}

// GetRepository looks one up.
func (s *Service) GetRepository(_ context.Context, req *pb.GetRepositoryRequest) (*pb.Repository, error) {
	r, err := s.get(req.GetName())
	if err != nil {
		return nil, err
	}
	return s.full(r), nil
}

// full adds what is known only when it is asked for.
func (s *Service) full(r *pb.Repository) *pb.Repository {
	r.RegistryUri = registryURI(r.GetName(), r.GetFormat())
	r.SizeBytes = s.store.Size(r.GetName())
	return r
}

// ListRepositories lists a location's, by name.
func (s *Service) ListRepositories(_ context.Context, req *pb.ListRepositoriesRequest) (*pb.ListRepositoriesResponse, error) {
	keep, err := filterName(req.GetFilter())
	if err != nil {
		return nil, err
	}
	prefix := s.canonical(req.GetParent()) + "/repositories/"
	s.mu.RLock()
	var all []*pb.Repository
	for name := range s.state.Repositories {
		if r := s.find(name); r != nil && strings.HasPrefix(name, prefix) && keep(name) {
			all = append(all, proto.Clone(r).(*pb.Repository))
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(all, func(a, b *pb.Repository) int { return strings.Compare(a.GetName(), b.GetName()) })
	some, next, err := page(all, req)
	for _, r := range some {
		s.full(r)
	}
	return &pb.ListRepositoriesResponse{Repositories: some, NextPageToken: next}, err
}

// UpdateRepository changes what the mask names.
func (s *Service) UpdateRepository(_ context.Context, req *pb.UpdateRepositoryRequest) (*pb.Repository, error) {
	asked := req.GetRepository()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.find(asked.GetName())
	if r == nil {
		return nil, notFound()
	}
	next := proto.Clone(r).(*pb.Repository)
	paths := req.GetUpdateMask().GetPaths()
	if len(paths) == 0 || slices.Contains(paths, "*") {
		paths = populated(asked)
	}
	for _, p := range paths {
		if err := s.set(next, asked, p); err != nil {
			return nil, err
		}
	}
	if !proto.Equal(configs(next), configs(r)) { // what has been is not looked at again
		if err := s.configured(next); err != nil {
			return nil, err
		}
	}
	next.UpdateTime = timestamppb.New(s.iam.Now())
	s.state.Repositories[next.GetName()].Repository = next
	if err := s.save(); err != nil {
		s.state.Repositories[next.GetName()].Repository = r
		return nil, err
	}
	return proto.Clone(next).(*pb.Repository), nil
}

// configs is a repository with nothing but its configs.
func configs(r *pb.Repository) *pb.Repository {
	return &pb.Repository{FormatConfig: r.GetFormatConfig(), ModeConfig: r.GetModeConfig()}
}

// populated are the changeable fields that a client has set.
func populated(r *pb.Repository) []string {
	var paths []string
	add := func(set bool, path string) {
		if set {
			paths = append(paths, path)
		}
	}
	add(r.GetDescription() != "", "description")
	add(len(r.GetLabels()) > 0, "labels")
	add(len(r.GetCleanupPolicies()) > 0, "cleanup_policies")
	add(r.GetCleanupPolicyDryRun(), "cleanup_policy_dry_run")
	add(r.GetDockerConfig() != nil, "docker_config")
	add(r.GetMavenConfig() != nil, "maven_config")
	add(r.GetVirtualRepositoryConfig() != nil, "virtual_repository_config")
	add(r.GetRemoteRepositoryConfig() != nil, "remote_repository_config")
	add(r.GetVulnerabilityScanningConfig() != nil, "vulnerability_scanning_config")
	return paths
}

func (s *Service) set(r, asked *pb.Repository, path string) error {
	config, _, _ := strings.Cut(path, ".")
	if err := misplaced(r, config); err != nil {
		return err
	}
	switch path {
	case "description":
		r.Description = asked.GetDescription()
	case "labels":
		r.Labels = asked.GetLabels()
		return labels(r.GetLabels())
	case "cleanup_policies":
		r.CleanupPolicies = asked.GetCleanupPolicies()
	case "cleanup_policy_dry_run":
		r.CleanupPolicyDryRun = asked.GetCleanupPolicyDryRun()
	case "docker_config", "docker_config.immutable_tags":
		r.FormatConfig = nil
		if asked.GetDockerConfig() != nil {
			r.FormatConfig = &pb.Repository_DockerConfig{DockerConfig: asked.GetDockerConfig()}
		}
	case "maven_config":
		r.FormatConfig = nil
		if asked.GetMavenConfig() != nil {
			r.FormatConfig = &pb.Repository_MavenConfig{MavenConfig: asked.GetMavenConfig()}
		}
	case "virtual_repository_config", "virtual_repository_config.upstream_policies":
		r.ModeConfig = nil
		if asked.GetVirtualRepositoryConfig() != nil {
			r.ModeConfig = &pb.Repository_VirtualRepositoryConfig{VirtualRepositoryConfig: asked.GetVirtualRepositoryConfig()}
		}
	case "remote_repository_config":
		r.ModeConfig = nil
		if asked.GetRemoteRepositoryConfig() != nil {
			r.ModeConfig = &pb.Repository_RemoteRepositoryConfig{RemoteRepositoryConfig: asked.GetRemoteRepositoryConfig()}
		}
	case "vulnerability_scanning_config", "vulnerability_scanning_config.enablement_config":
		r.VulnerabilityScanningConfig = asked.GetVulnerabilityScanningConfig()
		s.scanning(r, strings.Split(r.GetName(), "/")[1])
	case "name", "format", "mode", "kms_key_name", "create_time", "update_time", "size_bytes", "satisfies_pzs", "satisfies_pzi", "registry_uri":
		return invalid("Field %q cannot be updated.", path)
	default:
		return invalid("Invalid field mask: %q.", path)
	}
	return nil
}

// DeleteRepository removes one with everything in it, at once; the operation tells of it.
func (s *Service) DeleteRepository(_ context.Context, req *pb.DeleteRepositoryRequest) (*longrunningpb.Operation, error) {
	name := s.canonical(req.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(name) == nil {
		return nil, notFound()
	}
	old := s.state.Repositories[name]
	delete(s.state.Repositories, name)
	op, err := s.begin(name, s.latency.Delete, &emptypb.Empty{})
	if err != nil {
		s.state.Repositories[name] = old
		return nil, err
	}
	if err := s.store.Drop(name); err != nil {
		return nil, err
	}
	return op, s.iam.DropPolicy(name)
}

// GetIamPolicy serves the policy of a repository.
func (s *Service) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := s.get(req.GetResource()); err != nil {
		return nil, err
	}
	return s.iam.GetIamPolicy(req)
}

// SetIamPolicy replaces it.
func (s *Service) SetIamPolicy(_ context.Context, req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := s.get(req.GetResource()); err != nil {
		return nil, err
	}
	return s.iam.SetIamPolicy(req)
}

// TestIamPermissions tells which of them the caller has.
func (s *Service) TestIamPermissions(ctx context.Context, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := s.get(req.GetResource()); err != nil {
		return nil, err
	}
	return s.iam.TestIamPermissions(iam.FromContext(ctx), req)
}
