package chart

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/signgate/signgate/sandbox/registry"
)

const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	program      = "ko-app/webhook" // where upstream's image has it
)

// Describe makes the image of a binary: it is read once.
func Describe(binary string) (Image, error) {
	f, err := os.Open(binary)
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Image{}, err
	}
	img := Image{Binary: filepath.Base(binary), Size: info.Size(), Modified: info.ModTime().Unix()}
	plain, diff, crc := sha256.New(), sha256.New(), crc32.NewIEEE()
	if _, err := io.Copy(plain, io.NewSectionReader(f, 0, img.Size)); err != nil {
		return Image{}, fmt.Errorf("read %s: %w", binary, err)
	}
	archive := archived(f, img.Size)
	if _, err := io.Copy(io.MultiWriter(diff, crc), io.NewSectionReader(archive, 0, archive.size())); err != nil {
		return Image{}, fmt.Errorf("read %s: %w", binary, err)
	}
	layer, packed := sha256.New(), stored{archive, crc.Sum32()}
	if _, err := io.Copy(layer, io.NewSectionReader(packed, 0, packed.size())); err != nil {
		return Image{}, fmt.Errorf("read %s: %w", binary, err)
	}
	img.Sum, img.CRC = hex.EncodeToString(plain.Sum(nil)), crc.Sum32()
	img.Layer = "sha256:" + hex.EncodeToString(layer.Sum(nil))
	img.write("sha256:"+hex.EncodeToString(diff.Sum(nil)), packed.size())
	return img, nil
}

type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Platform  map[string]string `json:"platform,omitempty"`
}

// write makes the documents of the image. They depend on the binary alone.
func (i *Image) write(diff string, layerSize int64) {
	const note = "Made by the signgate sandbox from the unmodified policy-controller that was built with it."
	i.Config = encode(map[string]any{
		"architecture": runtime.GOARCH, "os": runtime.GOOS, "created": time.Unix(0, 0).UTC(), "author": "signgate sandbox",
		"config": map[string]any{
			"Entrypoint": []string{"/" + program}, "User": "65532", "WorkingDir": "/",
			"Env":    []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/ko-app"},
			"Labels": map[string]string{"org.opencontainers.image.description": note, "org.opencontainers.image.version": "v" + AppVersion},
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{diff}},
		"history": []map[string]any{{"created": time.Unix(0, 0).UTC(), "created_by": "signgate sandbox", "comment": program}},
	})
	i.Manifest = encode(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor{MediaType: configType, Digest: digest(i.Config), Size: int64(len(i.Config))},
		"layers": []descriptor{{MediaType: layerType, Digest: i.Layer, Size: layerSize}},
	})
	i.Index = encode(map[string]any{
		"schemaVersion": 2, "mediaType": indexType,
		"manifests": []descriptor{{MediaType: manifestType, Digest: digest(i.Manifest), Size: int64(len(i.Manifest)),
			Platform: map[string]string{"architecture": runtime.GOARCH, "os": runtime.GOOS}}},
	})
}

func encode(v any) string {
	out, _ := json.Marshal(v) // words and numbers
	return string(out)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Digest is the image's, by which the chart names it.
func (i Image) Digest() string { return digest(i.Index) }

// current says whether the binary is still the one that the image was made from. It is
// read again only if its time says that it may be another.
func (i Image) current(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() == i.Size && info.ModTime().Unix() == i.Modified {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != i.Sum {
		return fmt.Errorf("%s is not the one that the chart was assembled for", path)
	}
	return nil
}

// shelf serves the image.
type shelf struct {
	Image
	path string // of the binary
}

// Tags are the controller's version.
func (s shelf) Tags() []string { return []string{"v" + AppVersion} }

// Manifest finds the index or the image in it.
func (s shelf) Manifest(reference string) (body []byte, mediaType, sum string, ok bool) {
	switch reference {
	case "v" + AppVersion, digest(s.Index):
		return []byte(s.Index), indexType, digest(s.Index), true
	case digest(s.Image.Manifest):
		return []byte(s.Image.Manifest), manifestType, reference, true
	}
	return nil, "", "", false
}

// Blob opens the config, or the layer with the binary in its place.
func (s shelf) Blob(sum string) (registry.Content, bool, error) {
	switch sum {
	case digest(s.Config):
		return blob{io.NewSectionReader(bytes.NewReader([]byte(s.Config)), 0, int64(len(s.Config))), io.NopCloser(nil)}, true, nil
	case s.Layer:
		f, err := os.Open(s.path)
		if err != nil {
			return nil, false, err
		}
		all := stored{archived(f, s.Size), s.CRC}
		return blob{io.NewSectionReader(all, 0, all.size()), f}, true, nil
	}
	return nil, false, nil
}

type blob struct {
	*io.SectionReader
	io.Closer
}
