package registry

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// recipe is an image that the sandbox makes itself, always the same bytes: no byte of
// it comes from elsewhere, and its labels say so.
type recipe struct {
	name      string // and version
	tags      []string
	platforms []Platform
	layers    func(Platform) []layer
	config    map[string]any // its "config" part, labels apart
}

//go:embed layers.json
var layersFile []byte

// measured is what is known of a layer without making it: layers.json has it of all of
// them, and a test makes them to see that it is so.
type measured struct {
	Digest string `json:"digest"`
	Diff   string `json:"diff"` // digest of the archive, before it is packed
	Size   int64  `json:"size"`
}

func (l layer) measure() measured {
	plain := l.tar()
	packed := pack(plain)
	return measured{digestOf(packed), digestOf(plain), int64(len(packed))}
}

// key is what layers.json has an image's layers under.
func (r recipe) key(p Platform) string { return r.name + " " + p.OS + "/" + p.Architecture }

// layer is a folder's worth of files.
type layer struct {
	by    string // the step of its history
	files []file
}

type file struct {
	name string
	mode int64
	text string
	fill int // bytes that look like a program's; text then seeds them
}

const (
	ociLayer  = "application/vnd.oci.image.layer.v1.tar+gzip"
	ociConfig = "application/vnd.oci.image.config.v1+json"
	madeLabel = "Made by the signgate sandbox: it has the shape of the real image and nothing of its contents. It cannot be run."
)

// madeAt is when all of them were made, as they say.
func madeAt() time.Time { return time.Date(2025, time.November, 18, 0, 0, 0, 0, time.UTC) }

// made is a shelf of recipes. Their documents are written when one is first asked for,
// their layers made for each pull.
type made struct {
	recipes []recipe
	follow  func() *products
}

type products struct {
	tags      map[string]string // -> digest
	manifests map[string]text
	blobs     map[string]func() []byte
	known     map[string][]measured // layers.json
}

type text struct {
	mediaType string
	body      []byte
}

func makeShelf(recipes ...recipe) *made {
	m := &made{recipes: recipes}
	m.follow = sync.OnceValue(func() *products {
		p := &products{map[string]string{}, map[string]text{}, map[string]func() []byte{}, map[string][]measured{}}
		if err := json.Unmarshal(layersFile, &p.known); err != nil { // it is embedded, and tested
			panic(err)
		}
		for _, r := range m.recipes {
			digest := p.index(r)
			for _, t := range r.tags {
				p.tags[t] = digest
			}
		}
		return p
	})
	return m
}

// Tags are the names of the recipes.
func (m *made) Tags() []string {
	return slices.Collect(maps.Keys(m.follow().tags))
}

// Manifest finds an index or an image of it.
func (m *made) Manifest(reference string) (body []byte, mediaType, digest string, ok bool) {
	p := m.follow()
	if digest = reference; !isDigest(reference) {
		digest = p.tags[reference]
	}
	t, ok := p.manifests[digest]
	return t.body, t.mediaType, digest, ok
}

// Blob makes a layer or a config again.
func (m *made) Blob(digest string) (Content, bool, error) {
	anew := m.follow().blobs[digest]
	if anew == nil {
		return nil, false, nil
	}
	data := anew()
	return content{bytes.NewReader(data), io.NopCloser(nil), int64(len(data))}, true, nil
}

func (p *products) index(r recipe) string {
	d := document{SchemaVersion: 2, MediaType: ociIndex}
	for _, platform := range r.platforms {
		body := p.image(r, platform)
		d.Manifests = append(d.Manifests, Descriptor{MediaType: ociManifest, Digest: p.keep(ociManifest, body), Size: int64(len(body)), Platform: &platform})
	}
	return p.keep(ociIndex, encode(d))
}

// keep notes a manifest.
func (p *products) keep(mediaType string, body []byte) string {
	digest := digestOf(body)
	p.manifests[digest] = text{mediaType, body}
	return digest
}

func (p *products) image(r recipe, platform Platform) []byte {
	d := document{SchemaVersion: 2, MediaType: ociManifest}
	var diffs []string
	var history []map[string]any
	known := p.known[r.key(platform)]
	for i, l := range r.layers(platform) {
		m := known[i]
		p.blobs[m.Digest] = func() []byte { return pack(l.tar()) }
		d.Layers = append(d.Layers, Descriptor{MediaType: ociLayer, Digest: m.Digest, Size: m.Size})
		diffs = append(diffs, m.Diff)
		history = append(history, map[string]any{"created": madeAt(), "created_by": l.by})
	}
	settings := maps.Clone(r.config)
	settings["Labels"] = map[string]string{"org.opencontainers.image.description": madeLabel, "org.opencontainers.image.vendor": "signgate sandbox"}
	config := map[string]any{
		"architecture": platform.Architecture, "os": platform.OS, "created": madeAt(), "config": settings,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}, "history": history,
	}
	if platform.Variant != "" {
		config["variant"] = platform.Variant
	}
	body := encode(config)
	digest := digestOf(body)
	p.blobs[digest] = func() []byte { return body }
	d.Config = &Descriptor{MediaType: ociConfig, Digest: digest, Size: int64(len(body))}
	return encode(d)
}

func encode(v any) []byte {
	out, _ := json.Marshal(v) // words, numbers and times
	return out
}

// tar is the layer as an archive, always the same.
func (l layer) tar() []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range l.files {
		data := f.data()
		// A buffer takes everything, and these headers are in order.
		_ = w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(data)), ModTime: madeAt(), Format: tar.FormatUSTAR, Typeflag: tar.TypeReg})
		_, _ = w.Write(data)
	}
	_ = w.Close()
	return out.Bytes()
}

func (f file) data() []byte {
	if f.fill == 0 {
		return []byte(f.text)
	}
	var seed [32]byte
	copy(seed[:], f.text)
	data := make([]byte, f.fill)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	return data
}

// pack is gzip without compression, written here so that its bytes do not depend on a
// library's version: what cannot be made smaller is not worth the time.
func pack(data []byte) []byte {
	const most = 0xffff
	out := make([]byte, 0, len(data)+5*(len(data)/most+1)+18)
	out = append(out, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
	for rest := data; ; {
		n := min(len(rest), most)
		last := byte(0)
		if n == len(rest) {
			last = 1
		}
		out = append(out, last)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, rest[:n]...)
		if rest = rest[n:]; last == 1 {
			break
		}
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(data))
	return binary.LittleEndian.AppendUint32(out, uint32(len(data)))
}
