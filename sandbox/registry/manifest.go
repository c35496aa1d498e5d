package registry

import (
	"encoding/json"
	"mime"
	"strings"
)

// manifestMax is the most that a manifest may have, in bytes.
const manifestMax = 4 << 20

// The media types of manifests and indexes.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Descriptor points at content by its digest.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
}

// Platform is what an image of an index is for.
type Platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// document is a manifest or an index.
type document struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *Descriptor       `json:"config,omitempty"`
	Layers        []Descriptor      `json:"layers,omitempty"`
	Manifests     []Descriptor      `json:"manifests,omitempty"`
	Subject       *Descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// parseManifest reads a manifest as it was sent, with the media type of the request.
func parseManifest(body []byte, contentType string) (*document, *refusal) {
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, manifestInvalid("manifest invalid: " + err.Error())
	}
	sent, _, _ := mime.ParseMediaType(contentType)
	switch {
	case d.MediaType == "":
		d.MediaType = sent
	case sent != "" && sent != d.MediaType:
		return nil, manifestInvalid("manifest invalid: mediaType in manifest should be '" + sent + "' not '" + d.MediaType + "'")
	}
	if d.SchemaVersion != 2 {
		return nil, manifestInvalid("manifest invalid: unsupported schema version")
	}
	switch d.MediaType {
	case ociManifest, dockerManifest:
		if d.Config == nil || len(d.Manifests) > 0 {
			return nil, manifestInvalid("manifest invalid: an image has a config and layers")
		}
	case ociIndex, dockerList:
		if d.Config != nil || len(d.Layers) > 0 {
			return nil, manifestInvalid("manifest invalid: an index has manifests only")
		}
	default:
		return nil, manifestInvalid("manifest invalid: unsupported media type '" + d.MediaType + "'")
	}
	for _, at := range d.all() {
		if !wellDigested(at.Digest) || at.Size < 0 || at.MediaType == "" {
			return nil, manifestInvalid("manifest invalid: a descriptor has a media type, a size and a sha256 digest")
		}
	}
	return &d, nil
}

func (d *document) all() []Descriptor {
	all := append(d.blobs(), d.Manifests...)
	if d.Subject != nil {
		all = append(all, *d.Subject)
	}
	return all
}

// blobs are what an image is made of.
func (d *document) blobs() []Descriptor {
	if d.Config == nil {
		return nil
	}
	return append([]Descriptor{*d.Config}, d.Layers...)
}

// elsewhere says that content need not be in the registry: it may not be distributed.
func (d Descriptor) elsewhere() bool {
	return len(d.URLs) > 0 || strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable.")
}

// kindOf is the artifact type that the list of referrers shows.
func (d *document) kindOf() string {
	if d.ArtifactType == "" && d.Config != nil {
		return d.Config.MediaType
	}
	return d.ArtifactType
}
