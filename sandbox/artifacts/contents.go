package artifacts

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signgate/signgate/sandbox/registry"
)

// inside is a name below a repository, taken apart by its collections: of
// "…/packages/p/tags/t" the packages and tags are "p" and "t".
type inside struct {
	repo string
	ids  map[string]string
}

// look takes a name apart and sees that its repository is there.
func (s *Service) look(name string) (inside, error) {
	repo, rest, err := split(s.canonical(name))
	if err != nil {
		return inside{}, err
	}
	if _, err := s.get(repo); err != nil {
		return inside{}, err
	}
	in := inside{repo: repo, ids: map[string]string{}}
	if rest == "" {
		return in, nil
	}
	parts := strings.Split(rest, "/")
	if len(parts)%2 != 0 {
		return inside{}, badRequest()
	}
	for i := 0; i < len(parts); i += 2 {
		id, err := url.PathUnescape(parts[i+1])
		if err != nil || id == "" {
			return inside{}, badRequest()
		}
		in.ids[parts[i]] = id
	}
	return in, nil
}

// pkg is the package that a name is in.
func (s *Service) pkg(name string) (inside, registry.Package, error) {
	in, err := s.look(name)
	if err != nil {
		return in, registry.Package{}, err
	}
	p, ok := s.store.Package(in.repo, in.ids["packages"])
	if !ok {
		return in, p, notFound()
	}
	return in, p, nil
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// packageName is a package's resource name: slashes are written so that they are none.
func packageName(repo, name string) string {
	return repo + "/packages/" + strings.ReplaceAll(name, "/", "%2F")
}

func packageOf(repo string, p registry.Package) *pb.Package {
	return &pb.Package{Name: packageName(repo, p.Name), CreateTime: stamp(p.Created), UpdateTime: stamp(p.Updated)}
}

// ListPackages lists a repository's image names.
func (s *Service) ListPackages(_ context.Context, req *pb.ListPackagesRequest) (*pb.ListPackagesResponse, error) {
	in, err := s.look(req.GetParent())
	if err != nil {
		return nil, err
	}
	keep, err := filterName(req.GetFilter())
	if err != nil {
		return nil, err
	}
	var all []*pb.Package
	for _, p := range s.store.Packages(in.repo) {
		if one := packageOf(in.repo, p); keep(one.GetName()) {
			all = append(all, one)
		}
	}
	some, next, err := page(all, req)
	return &pb.ListPackagesResponse{Packages: some, NextPageToken: next}, err
}

// GetPackage looks one up.
func (s *Service) GetPackage(_ context.Context, req *pb.GetPackageRequest) (*pb.Package, error) {
	in, p, err := s.pkg(req.GetName())
	if err != nil {
		return nil, err
	}
	return packageOf(in.repo, p), nil
}

// versionOf tells of a manifest; all of it in the full view.
func versionOf(repo, name string, v registry.Version, view pb.VersionView) *pb.Version {
	at := packageName(repo, name)
	out := &pb.Version{Name: at + "/versions/" + v.Digest, CreateTime: stamp(v.Uploaded), UpdateTime: stamp(v.Updated)}
	if view == pb.VersionView_FULL {
		for _, t := range v.Tags {
			out.RelatedTags = append(out.RelatedTags, &pb.Tag{Name: at + "/tags/" + t, Version: out.GetName()})
		}
	}
	out.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{
		"name":           structpb.NewStringValue(repo + "/dockerImages/" + strings.ReplaceAll(name, "/", "%2F") + "@" + v.Digest),
		"mediaType":      structpb.NewStringValue(v.MediaType),
		"imageSizeBytes": structpb.NewStringValue(decimal(v.ImageSize)),
	}}
	if !v.Built.IsZero() {
		out.Metadata.Fields["buildTime"] = structpb.NewStringValue(v.Built.UTC().Format(time.RFC3339Nano))
	}
	return out
}

// ListVersions lists a package's manifests, newest first.
func (s *Service) ListVersions(_ context.Context, req *pb.ListVersionsRequest) (*pb.ListVersionsResponse, error) {
	in, p, err := s.pkg(req.GetParent())
	if err != nil {
		return nil, err
	}
	keep, err := filterName(req.GetFilter())
	if err != nil {
		return nil, err
	}
	var all []*pb.Version
	for _, v := range p.Versions {
		if one := versionOf(in.repo, p.Name, v, req.GetView()); keep(one.GetName()) {
			all = append(all, one)
		}
	}
	some, next, err := page(all, req)
	return &pb.ListVersionsResponse{Versions: some, NextPageToken: next}, err
}

// GetVersion looks one up by its digest.
func (s *Service) GetVersion(_ context.Context, req *pb.GetVersionRequest) (*pb.Version, error) {
	in, p, err := s.pkg(req.GetName())
	if err != nil {
		return nil, err
	}
	for _, v := range p.Versions {
		if v.Digest == in.ids["versions"] {
			return versionOf(in.repo, p.Name, v, req.GetView()), nil
		}
	}
	return nil, notFound()
}

func tagOf(repo, name, tag string, t registry.Tag) *pb.Tag {
	at := packageName(repo, name)
	return &pb.Tag{Name: at + "/tags/" + tag, Version: at + "/versions/" + t.Digest}
}

// ListTags lists a package's tags, by name.
func (s *Service) ListTags(_ context.Context, req *pb.ListTagsRequest) (*pb.ListTagsResponse, error) {
	in, p, err := s.pkg(req.GetParent())
	if err != nil {
		return nil, err
	}
	keep, err := filterBy(req.GetFilter(), "version")
	if err != nil {
		return nil, err
	}
	var all []*pb.Tag
	for _, name := range slices.Sorted(maps.Keys(p.Tags)) {
		if t := tagOf(in.repo, p.Name, name, p.Tags[name]); keep(t.GetVersion()) {
			all = append(all, t)
		}
	}
	some, next, err := page(all, req)
	return &pb.ListTagsResponse{Tags: some, NextPageToken: next}, err
}

// GetTag looks one up.
func (s *Service) GetTag(_ context.Context, req *pb.GetTagRequest) (*pb.Tag, error) {
	in, p, err := s.pkg(req.GetName())
	if err != nil {
		return nil, err
	}
	t, ok := p.Tags[in.ids["tags"]]
	if !ok {
		return nil, notFound()
	}
	return tagOf(in.repo, p.Name, in.ids["tags"], t), nil
}

// ListFiles lists everything that a repository keeps, by digest.
func (s *Service) ListFiles(_ context.Context, req *pb.ListFilesRequest) (*pb.ListFilesResponse, error) {
	in, err := s.look(req.GetParent())
	if err != nil {
		return nil, err
	}
	keep, err := filterName(req.GetFilter())
	if err != nil {
		return nil, err
	}
	blobs := s.store.Blobs(in.repo)
	var all []*pb.File
	for _, digest := range slices.Sorted(maps.Keys(blobs)) {
		if f := s.file(in.repo, digest, blobs[digest]); keep(f.GetName()) {
			all = append(all, f)
		}
	}
	some, next, err := page(all, req)
	return &pb.ListFilesResponse{Files: some, NextPageToken: next}, err
}

// file tells of a blob or a manifest. A manifest is owned by the version that it is.
func (s *Service) file(repo, digest string, b registry.Blob) *pb.File {
	f := &pb.File{Name: repo + "/files/" + digest, SizeBytes: b.Size, CreateTime: stamp(b.Created), UpdateTime: stamp(b.Created),
		Hashes: []*pb.Hash{{Type: pb.Hash_SHA256, Value: raw(digest)}}}
	if p, ok := s.store.Package(repo, b.Owner); ok {
		f.Owner = packageName(repo, p.Name)
		for _, v := range p.Versions {
			if v.Digest == digest {
				f.Owner += "/versions/" + digest
			}
		}
	}
	return f
}

// GetFile looks one up by its digest.
func (s *Service) GetFile(_ context.Context, req *pb.GetFileRequest) (*pb.File, error) {
	in, err := s.look(req.GetName())
	if err != nil {
		return nil, err
	}
	b, ok := s.store.Blobs(in.repo)[in.ids["files"]]
	if !ok {
		return nil, notFound()
	}
	return s.file(in.repo, in.ids["files"], b), nil
}
