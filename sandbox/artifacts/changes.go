package artifacts

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signgate/signgate/sandbox/registry"
)

const fixedTags = "The repository has enabled tag immutability"

// fixed says whether a repository's tags stay where they are.
func (s *Service) fixed(repo string) bool {
	r, _ := s.Repository(repo)
	return r.ImmutableTags
}

func (s *Service) beginEmpty(resource string, response proto.Message) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begin(resource, s.latency.Delete, response)
}

// DeletePackage removes an image name with all of its versions and tags.
func (s *Service) DeletePackage(_ context.Context, req *pb.DeletePackageRequest) (*longrunningpb.Operation, error) {
	in, p, err := s.pkg(req.GetName())
	if err != nil {
		return nil, err
	}
	if s.fixed(in.repo) && len(p.Tags) > 0 {
		return nil, precondition("cannot delete package %s. %s", p.Name, fixedTags)
	}
	if err := s.store.RemovePackage(in.repo, p.Name); err != nil {
		return nil, gone(err)
	}
	return s.beginEmpty(in.repo, &emptypb.Empty{})
}

func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return notFound()
	}
	return err
}

// DeleteVersion removes a manifest; one that has tags only with force.
func (s *Service) DeleteVersion(_ context.Context, req *pb.DeleteVersionRequest) (*longrunningpb.Operation, error) {
	in, p, err := s.pkg(req.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.removable(in, p, in.ids["versions"], req.GetForce()); err != nil {
		return nil, err
	}
	if err := s.store.RemoveVersion(in.repo, p.Name, in.ids["versions"]); err != nil {
		return nil, gone(err)
	}
	return s.beginEmpty(in.repo, &emptypb.Empty{})
}

func (s *Service) removable(in inside, p registry.Package, digest string, force bool) error {
	i := slices.IndexFunc(p.Versions, func(v registry.Version) bool { return v.Digest == digest })
	if i < 0 {
		return notFound()
	}
	if tags := p.Versions[i].Tags; len(tags) > 0 {
		if !force {
			return precondition("cannot delete version %s because it is tagged.", digest)
		}
		if s.fixed(in.repo) {
			return precondition("cannot delete tag %s. %s", tags[0], fixedTags)
		}
	}
	for _, v := range p.Versions {
		if slices.Contains(v.Children, digest) {
			return precondition("cannot delete version %s because it is referenced by parent versions: %s.", digest, v.Digest)
		}
	}
	return nil
}

// BatchDeleteVersions removes several of a package, or none.
func (s *Service) BatchDeleteVersions(_ context.Context, req *pb.BatchDeleteVersionsRequest) (*longrunningpb.Operation, error) {
	in, p, err := s.pkg(req.GetParent())
	if err != nil {
		return nil, err
	}
	prefix := packageName(in.repo, p.Name) + "/versions/"
	var digests []string
	for _, name := range req.GetNames() {
		digest, ok := strings.CutPrefix(s.canonical(name), prefix)
		if !ok {
			return nil, badRequest()
		}
		if err := s.removable(in, p, digest, true); err != nil {
			return nil, err
		}
		digests = append(digests, digest)
	}
	for _, digest := range digests {
		if req.GetValidateOnly() {
			break
		}
		if err := s.store.RemoveVersion(in.repo, p.Name, digest); err != nil {
			return nil, gone(err)
		}
	}
	return s.beginEmpty(in.repo, &pb.BatchDeleteVersionsMetadata{})
}

// version is the digest that a tag is to point at, if it is one of the package's.
func (s *Service) version(in inside, p registry.Package, name string) (string, error) {
	digest, ok := strings.CutPrefix(s.canonical(name), packageName(in.repo, p.Name)+"/versions/")
	if !ok {
		return "", badRequest()
	}
	if !slices.ContainsFunc(p.Versions, func(v registry.Version) bool { return v.Digest == digest }) {
		return "", notFound()
	}
	return digest, nil
}

// CreateTag lets a new tag point at a version.
func (s *Service) CreateTag(_ context.Context, req *pb.CreateTagRequest) (*pb.Tag, error) {
	in, p, err := s.pkg(req.GetParent())
	if err != nil {
		return nil, err
	}
	if !registry.IsTag(req.GetTagId()) {
		return nil, badRequest()
	}
	if _, there := p.Tags[req.GetTagId()]; there {
		return nil, exists("tag")
	}
	return s.point(in, p, req.GetTagId(), req.GetTag().GetVersion())
}

// UpdateTag moves a tag to another version.
func (s *Service) UpdateTag(_ context.Context, req *pb.UpdateTagRequest) (*pb.Tag, error) {
	in, p, err := s.loose(req.GetTag().GetName(), "update")
	if err != nil {
		return nil, err
	}
	return s.point(in, p, in.ids["tags"], req.GetTag().GetVersion())
}

// loose is the package of a tag that is there and may be changed.
func (s *Service) loose(name, verb string) (inside, registry.Package, error) {
	in, p, err := s.pkg(name)
	if err != nil {
		return in, p, err
	}
	tag := in.ids["tags"]
	if _, there := p.Tags[tag]; !there {
		return in, p, notFound()
	}
	if s.fixed(in.repo) {
		return in, p, precondition("cannot %s tag %s. %s", verb, tag, fixedTags)
	}
	return in, p, nil
}

func (s *Service) point(in inside, p registry.Package, tag, version string) (*pb.Tag, error) {
	digest, err := s.version(in, p, version)
	if err != nil {
		return nil, err
	}
	ok, err := s.store.SetTag(in.repo, p.Name, tag, digest)
	if err == nil && !ok {
		err = notFound()
	}
	return tagOf(in.repo, p.Name, tag, registry.Tag{Digest: digest}), err
}

// DeleteTag removes a tag; what it pointed at stays.
func (s *Service) DeleteTag(_ context.Context, req *pb.DeleteTagRequest) (*emptypb.Empty, error) {
	in, p, err := s.loose(req.GetName(), "delete")
	if err != nil {
		return nil, err
	}
	ok, err := s.store.RemoveTag(in.repo, p.Name, in.ids["tags"])
	if err == nil && !ok {
		err = notFound()
	}
	return &emptypb.Empty{}, err
}
