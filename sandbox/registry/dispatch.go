package registry

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// dispatch serves a request that was let in.
func (s *Service) dispatch(x *exchange, rt route, at place) *refusal {
	read := x.Method == http.MethodGet || x.Method == http.MethodHead
	switch {
	case rt.kind == manifests && read:
		body, mediaType, digest, err := s.opt.Store.manifest(at.repo, at.name, rt.reference)
		if err != nil {
			return asRefusal(err)
		}
		sendManifest(x, body, mediaType, digest)
		return nil
	case rt.kind == manifests && x.Method == http.MethodPut:
		return s.putManifest(x, rt, at)
	case rt.kind == manifests && x.Method == http.MethodDelete:
		if refused := s.opt.Store.remove(at.repo, at.name, rt.reference, at.fixed); refused != nil {
			return refused
		}
		x.w.WriteHeader(http.StatusAccepted)
		return nil
	case rt.kind == blobs && read:
		b, err := s.opt.Store.blob(at.repo, rt.reference)
		if err != nil {
			return asRefusal(err)
		}
		sendBlob(x, b, rt.reference)
		return nil
	case rt.kind == uploads:
		return s.serveUpload(x, rt, at)
	case rt.kind == tags && x.Method == http.MethodGet:
		return s.listTags(x, rt, at)
	case rt.kind == referrers && x.Method == http.MethodGet:
		sendReferrers(x, s.opt.Store.referrers(at.repo, at.name, rt.reference))
		return nil
	}
	return unsupported()
}

func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return failed(err)
}

func (s *Service) putManifest(x *exchange, rt route, at place) *refusal {
	body, refused := readManifest(x)
	if refused != nil {
		return refused
	}
	digest, d, refused := s.opt.Store.put(at.repo, at.name, rt.reference, body, x.Header.Get("Content-Type"), at.fixed)
	if refused != nil {
		return refused
	}
	h := x.w.Header()
	h.Set("Location", "/v2/"+rt.name+"/manifests/"+digest)
	h.Set("Docker-Content-Digest", digest)
	if d.Subject != nil {
		h.Set("OCI-Subject", d.Subject.Digest)
	}
	x.w.WriteHeader(http.StatusCreated)
	return nil
}

// serveUpload takes blobs in: in one request, or piece by piece, or from another
// repository of the same host.
func (s *Service) serveUpload(x *exchange, rt route, at place) *refusal {
	if rt.reference == "" {
		if x.Method != http.MethodPost {
			return unsupported()
		}
		return s.beginUpload(x, rt, at)
	}
	u, refused := s.opt.Store.upload(at.repo, rt.reference)
	if refused != nil {
		return refused
	}
	defer u.release()
	switch x.Method {
	case http.MethodGet:
		s.uploadState(x, at, rt.reference, u, http.StatusNoContent)
		return nil
	case http.MethodPatch:
		if refused := inOrder(x, u); refused != nil {
			return refused
		}
		if refused := s.opt.Store.append(u, x.Body); refused != nil {
			return refused
		}
		s.uploadState(x, at, rt.reference, u, http.StatusAccepted)
		return nil
	case http.MethodPut:
		if refused := inOrder(x, u); refused != nil {
			return refused
		}
		return s.endUpload(x, at, u, rt.reference)
	case http.MethodDelete:
		s.opt.Store.cancel(u, rt.reference)
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return unsupported()
}

func (s *Service) beginUpload(x *exchange, rt route, at place) *refusal {
	q := x.URL.Query()
	if digest, from := q.Get("mount"), q.Get("from"); digest != "" && from != "" && wellDigested(digest) {
		if parts := strings.SplitN(from, "/", 3); len(parts) == 3 && isName(from) {
			source := s.place(x.Host, parts)
			if s.admit(x.caller, source.repo, pullArtifacts) == nil && s.opt.Store.mount(source.repo, at.repo, at.name, digest) {
				created(x, rt.name, digest)
				return nil
			}
		}
	}
	id, err := s.opt.Store.begin(at.repo, at.name, rt.name)
	if err != nil {
		return failed(err)
	}
	u, refused := s.opt.Store.upload(at.repo, id)
	if refused != nil {
		return refused
	}
	defer u.release()
	if q.Get("digest") == "" {
		s.uploadState(x, at, id, u, http.StatusAccepted)
		return nil
	}
	if refused := s.endUpload(x, at, u, id); refused != nil {
		s.opt.Store.cancel(u, id)
		return refused
	}
	return nil
}

// endUpload takes the last piece, if there is one, and closes the blob.
func (s *Service) endUpload(x *exchange, at place, u *upload, id string) *refusal {
	digest := x.URL.Query().Get("digest")
	if !wellDigested(digest) {
		return digestInvalid("invalid digest")
	}
	if refused := s.opt.Store.append(u, x.Body); refused != nil {
		return refused
	}
	if refused := s.opt.Store.finish(u, id, digest); refused != nil {
		return refused
	}
	created(x, u.image, digest)
	return nil
}

func created(x *exchange, image, digest string) {
	_, _ = io.Copy(io.Discard, io.LimitReader(x.Body, 1<<10))
	x.w.Header().Set("Location", "/v2/"+image+"/blobs/"+digest)
	x.w.Header().Set("Docker-Content-Digest", digest)
	x.w.WriteHeader(http.StatusCreated)
}

// uploadState says where the next piece goes.
func (s *Service) uploadState(x *exchange, at place, id string, u *upload, status int) {
	parts := strings.Split(at.repo, "/")
	h := x.w.Header()
	h.Set("Location", "/artifacts-uploads/namespaces/"+parts[1]+"/repositories/"+at.short+"/uploads/"+id)
	h.Set("Docker-Upload-Uuid", id)
	h.Set("Range", "0-"+strconv.FormatInt(max(0, u.size-1), 10))
	x.w.WriteHeader(status)
}

// inOrder refuses a piece that does not begin where the upload ends.
func inOrder(x *exchange, u *upload) *refusal {
	value := x.Header.Get("Content-Range")
	if value == "" {
		return nil
	}
	value, _, _ = strings.Cut(strings.TrimPrefix(value, "bytes "), "/")
	first, last, ok := strings.Cut(value, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if !ok || err1 != nil || err2 != nil || from != u.size || to < from || x.ContentLength >= 0 && x.ContentLength != to-from+1 {
		return &refusal{status: http.StatusRequestedRangeNotSatisfiable, code: "BLOB_UPLOAD_INVALID", message: "blob upload invalid",
			header: map[string]string{"Range": "0-" + strconv.FormatInt(max(0, u.size-1), 10)}}
	}
	return nil
}

// listTags tells more than the protocol asks, as Google's does: what each manifest is,
// and which images are below.
func (s *Service) listTags(x *exchange, rt route, at place) *refusal {
	names, below, versions, ok := s.opt.Store.list(at.repo, at.name)
	if !ok {
		return nameUnknown("Repository \"" + rt.name + "\" not found")
	}
	info := map[string]any{}
	for digest, v := range versions {
		slices.Sort(v.Tags)
		info[digest] = map[string]any{
			"imageSizeBytes": strconv.FormatInt(v.ImageSize, 10), "layerId": "", "mediaType": v.MediaType, "tag": v.Tags,
			"timeCreatedMs":  strconv.FormatInt(max(0, v.Built.UnixMilli()), 10),
			"timeUploadedMs": strconv.FormatInt(v.Uploaded.UnixMilli(), 10),
		}
	}
	sendTags(x, map[string]any{"name": rt.name, "tags": page(x, names), "child": below, "manifest": info})
	return nil
}
