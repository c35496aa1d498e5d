package registry

import "strings"

// kind is what a path of the protocol is about.
type kind int

const (
	ping      kind = iota + 1 // /v2/
	manifests                 // /v2/NAME/manifests/REFERENCE
	blobs                     // /v2/NAME/blobs/DIGEST
	uploads                   // /v2/NAME/blobs/uploads/[ID]
	tags                      // /v2/NAME/tags/list
	referrers                 // /v2/NAME/referrers/DIGEST
	catalog                   // /v2/_catalog
)

// route is a path taken apart. What is in it is well formed, or it is no route.
type route struct {
	kind      kind
	name      string // "project/repository/image"
	reference string // tag, digest, or id of an upload
}

const nameMax = 255

// parse takes a request's path apart. A path that is none of the protocol's has the
// error of the place that is wrong.
func parse(path string) (route, *refusal) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if path == "/v2" || ok && rest == "" {
		return route{kind: ping}, nil
	}
	if !ok {
		return route{}, notFound()
	}
	if rest == "_catalog" {
		return route{kind: catalog}, nil
	}
	parts := strings.Split(rest, "/")
	n := len(parts)
	end := func(i int) string { // the i-th word from the end
		if i > n {
			return ""
		}
		return parts[n-i]
	}
	var r route
	cut := 2
	switch {
	case end(3) == "blobs" && end(2) == "uploads":
		r, cut = route{kind: uploads, reference: end(1)}, 3
	case end(2) == "blobs" && end(1) == "uploads":
		r = route{kind: uploads}
	case end(2) == "blobs":
		r = route{kind: blobs, reference: end(1)}
	case end(2) == "manifests":
		r = route{kind: manifests, reference: end(1)}
	case end(2) == "referrers":
		r = route{kind: referrers, reference: end(1)}
	case end(2) == "tags" && end(1) == "list":
		r = route{kind: tags}
	default:
		return route{}, notFound()
	}
	r.name = strings.Join(parts[:n-cut], "/")
	if len(r.name) > nameMax || !isName(r.name) {
		return route{}, nameInvalid("invalid repository name")
	}
	return r, r.check()
}

// check refuses a reference that is not well formed.
func (r route) check() *refusal {
	switch r.kind {
	case blobs, referrers:
		if !wellDigested(r.reference) {
			return digestInvalid("invalid digest")
		}
	case manifests:
		if strings.Contains(r.reference, ":") && !wellDigested(r.reference) {
			return digestInvalid("invalid digest")
		}
		if !strings.Contains(r.reference, ":") && !IsTag(r.reference) {
			return &refusal{status: 400, code: "TAG_INVALID", message: "invalid tag"}
		}
	case uploads:
		if r.reference != "" && !isUpload(r.reference) {
			return uploadUnknown()
		}
	}
	return nil
}
