package artifacts

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	pb "cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"

	"github.com/signgate/signgate/sandbox/registry"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// raw is a digest's bytes.
func raw(digest string) []byte {
	sum, _ := hex.DecodeString(strings.TrimPrefix(digest, "sha256:")) // the store has no others
	return sum
}

// image tells of a manifest as of something to be pulled.
func (s *Service) image(repo, name string, v registry.Version) *pb.DockerImage {
	return &pb.DockerImage{
		Name: repo + "/dockerImages/" + strings.ReplaceAll(name, "/", "%2F") + "@" + v.Digest,
		Uri:  registryURI(repo, pb.Repository_DOCKER) + "/" + name + "@" + v.Digest,
		Tags: v.Tags, ImageSizeBytes: v.ImageSize, MediaType: v.MediaType, ArtifactType: artifactType(v),
		UploadTime: stamp(v.Uploaded), UpdateTime: stamp(v.Updated), BuildTime: stamp(v.Built), ImageManifests: s.children(repo, name, v),
	}
}

// artifactType is told of what is no plain image.
func artifactType(v registry.Version) string {
	if strings.Contains(v.ArtifactType, "image") || strings.Contains(v.ArtifactType, "container") {
		return ""
	}
	return v.ArtifactType
}

// children are the platforms of an index.
func (s *Service) children(repo, name string, v registry.Version) []*pb.ImageManifest {
	if len(v.Children) == 0 {
		return nil
	}
	text, err := s.store.Text(repo, name, v.Digest)
	if err != nil { // it is being deleted
		return nil
	}
	var index struct {
		Manifests []struct {
			MediaType, Digest string
			Platform          struct{ Architecture, OS, Variant string }
		}
	}
	if json.Unmarshal(text, &index) != nil {
		return nil
	}
	var all []*pb.ImageManifest
	for _, m := range index.Manifests {
		all = append(all, &pb.ImageManifest{Architecture: m.Platform.Architecture, Os: m.Platform.OS, Variant: m.Platform.Variant, Digest: m.Digest, MediaType: m.MediaType})
	}
	return all
}

// ListDockerImages lists a repository's manifests by image name, the newest of each first.
func (s *Service) ListDockerImages(_ context.Context, req *pb.ListDockerImagesRequest) (*pb.ListDockerImagesResponse, error) {
	in, err := s.look(req.GetParent())
	if err != nil {
		return nil, err
	}
	var all []*pb.DockerImage
	for _, p := range s.store.Packages(in.repo) {
		for _, v := range p.Versions {
			all = append(all, s.image(in.repo, p.Name, v))
		}
	}
	some, next, err := page(all, req)
	return &pb.ListDockerImagesResponse{DockerImages: some, NextPageToken: next}, err
}

// GetDockerImage looks one up: NAME@DIGEST, or NAME:TAG.
func (s *Service) GetDockerImage(_ context.Context, req *pb.GetDockerImageRequest) (*pb.DockerImage, error) {
	in, err := s.look(req.GetName())
	if err != nil {
		return nil, err
	}
	id := in.ids["dockerImages"]
	name, digest, byDigest := strings.Cut(id, "@")
	tag := ""
	if !byDigest {
		name, tag, _ = strings.Cut(id, ":")
	}
	p, ok := s.store.Package(in.repo, name)
	if !ok {
		return nil, notFound()
	}
	if !byDigest {
		digest = p.Tags[tag].Digest
	}
	for _, v := range p.Versions {
		if v.Digest == digest {
			return s.image(in.repo, name, v), nil
		}
	}
	return nil, notFound()
}
