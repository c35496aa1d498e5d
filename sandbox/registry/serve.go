package registry

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Content is a blob that is being read.
type Content interface {
	io.ReadSeekCloser
	Size() int64
}

// Size is the whole content's, in bytes.
func (c content) Size() int64 { return c.size }

// sendManifest answers GET and HEAD of a manifest.
func sendManifest(x *exchange, body []byte, mediaType, digest string) {
	h := x.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Docker-Content-Digest", digest)
	h.Set("ETag", strconv.Quote(digest))
	if x.Method != http.MethodHead {
		_, _ = x.w.Write(body)
		return
	}
	x.w.WriteHeader(http.StatusOK)
}

// sendBlob answers GET and HEAD of a blob, or of a part of it.
func sendBlob(x *exchange, b Content, digest string) {
	defer b.Close()
	h := x.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Docker-Content-Digest", digest)
	h.Set("ETag", strconv.Quote(digest))
	http.ServeContent(x.w, x.Request, "", time.Time{}, b)
}

// sendReferrers answers with an index of what refers to a digest.
func sendReferrers(x *exchange, all []Descriptor) {
	if all == nil {
		all = []Descriptor{}
	}
	if kind := x.URL.Query().Get("artifactType"); kind != "" {
		all = slices.DeleteFunc(all, func(d Descriptor) bool { return d.ArtifactType != kind })
		x.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	body, err := json.Marshal(struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []Descriptor `json:"manifests"`
	}{2, ociIndex, all})
	if err != nil { // words and numbers
		failed(err).write(x.w, x.Method)
		return
	}
	x.w.Header().Set("Content-Type", ociIndex)
	_, _ = x.w.Write(body)
}

// page cuts a list of names as the parameters n and last say, and links to the next page.
func page(x *exchange, names []string) []string {
	slices.Sort(names)
	q := x.URL.Query()
	if last := q.Get("last"); last != "" {
		i, found := slices.BinarySearch(names, last)
		if found {
			i++
		}
		names = names[i:]
	}
	if n, err := strconv.Atoi(q.Get("n")); err == nil && n >= 0 && n < len(names) {
		names = names[:n]
		if n > 0 {
			next := url.Values{"n": {strconv.Itoa(n)}, "last": {names[n-1]}}
			x.w.Header().Set("Link", "<"+x.URL.Path+"?"+next.Encode()+`>; rel="next"`)
		}
	}
	if names == nil {
		names = []string{}
	}
	return names
}

// sendTags answers the list of an image's tags.
func sendTags(x *exchange, body map[string]any) {
	out, err := json.Marshal(body)
	if err != nil { // words and numbers
		failed(err).write(x.w, x.Method)
		return
	}
	x.w.Header().Set("Content-Type", "application/json")
	_, _ = x.w.Write(append(out, '\n'))
}

// sendPing says that the protocol is spoken here.
func sendPing(x *exchange) {
	x.w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(x.w, "{}")
}

// readManifest takes a manifest's body in, within bounds.
func readManifest(x *exchange) ([]byte, *refusal) {
	if _, _, err := mime.ParseMediaType(x.Header.Get("Content-Type")); err != nil && x.Header.Get("Content-Type") != "" {
		return nil, manifestInvalid("manifest invalid: " + err.Error())
	}
	body, err := io.ReadAll(io.LimitReader(x.Body, manifestMax+1))
	if err != nil {
		return nil, manifestInvalid("manifest invalid: " + err.Error())
	}
	if len(body) > manifestMax {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, code: "MANIFEST_INVALID", message: "manifest invalid: larger than 4 MiB"}
	}
	return body, nil
}
