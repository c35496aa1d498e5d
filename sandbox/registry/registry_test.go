package registry_test

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

// TestFromHubToArtifactRegistry is the way that every setup goes: nginx from Docker
// Hub, all its platforms, into a private repository, and out again.
func TestFromHubToArtifactRegistry(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	check(t, crane.Copy("nginx:1.29", containers+"/nginx:v1", w.crane(iam.Owner)...))
	ref, err := name.ParseReference(containers + "/nginx:v1")
	check(t, err)
	d, err := remote.Get(ref, w.remote(iam.Owner)...)
	check(t, err)
	index, err := d.ImageIndex()
	check(t, err)
	check(t, validate.Index(index))
	from, err := crane.Digest("nginx:1.29", w.crane("")...)
	check(t, err)
	if from != d.Digest.String() {
		t.Errorf("the copy is %s, Docker Hub has %s", d.Digest, from)
	}
	tags, err := crane.ListTags(containers+"/nginx", w.crane(iam.Viewer)...)
	if err != nil || len(tags) != 1 || tags[0] != "v1" {
		t.Errorf("tags: %v, %v", tags, err)
	}
	img, err := d.Image()
	check(t, err)
	layers, err := img.Layers()
	if err != nil || len(layers) != 4 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}
