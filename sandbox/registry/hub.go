package registry

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Docker Hub, as an anonymous client sees it: a token for what is asked, images to
// pull, a limit of pulls.
const (
	hubChallenge = `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`
	hubRealm     = "registry.docker.io"
	pullLimit    = 100
	pullWindow   = 6 * time.Hour
)

type hub struct {
	clock func() time.Time
	limit bool
	names map[string]Shelf

	mu    sync.Mutex
	pulls []time.Time // within the window
}

func newHub(clock func() time.Time, limit bool) *hub {
	return &hub{clock: clock, limit: limit, names: madeHere()}
}

// hubToken is auth.docker.io: everybody gets a token, and it is good for the
// repositories that exist. To push one must sign in, which nobody can here.
func (s *Service) hubToken(x *exchange) *refusal {
	if x.URL.Path != "/token" || x.Method != http.MethodGet {
		return notFound()
	}
	if x.Header.Get("Authorization") != "" {
		return &refusal{status: http.StatusUnauthorized, code: "UNAUTHORIZED", message: "incorrect username or password"}
	}
	var names []string
	for _, sc := range scopes(x.Request) {
		if s.hub.names[sc.name] != nil && slices.Contains(sc.actions, "pull") {
			names = append(names, sc.name)
		}
	}
	sendToken(x.w, s.passes.give(hubRealm, names), passLife, s.iam.Now(), true)
	return nil
}

// serveHub is registry-1.docker.io, also known as index.docker.io.
func (s *Service) serveHub(x *exchange) *refusal {
	rt, refused := parse(x.URL.Path)
	if refused != nil {
		return refused
	}
	token, problem := bearer(x.Request), ""
	p, ok := s.passes.read(hubRealm, token)
	switch {
	case token == "":
	case !ok:
		problem = "invalid_token"
	case rt.kind == ping:
		sendPing(x)
		return nil
	case p.pulls(rt.name) && !changes(x.Method):
		x.resource = "docker.io/" + rt.name
		return s.pull(x, rt)
	default:
		problem = "insufficient_scope"
	}
	return hubUnauthorized(x, rt, problem)
}

func bearer(r *http.Request) string {
	const kind = "Bearer "
	if h := r.Header.Get("Authorization"); len(h) > len(kind) && h[:len(kind)] == kind {
		return h[len(kind):]
	}
	return ""
}

// hubUnauthorized is the answer for a missing token, and for a repository that does
// not exist: an anonymous client cannot tell it from a private one.
func hubUnauthorized(x *exchange, rt route, problem string) *refusal {
	r := &refusal{status: http.StatusUnauthorized, code: "UNAUTHORIZED", message: "authentication required"}
	challenge, action := hubChallenge, "pull"
	if rt.name != "" {
		if changes(x.Method) {
			action = "pull,push"
		}
		challenge += `,scope="repository:` + rt.name + ":" + action + `"`
		r.detail = []map[string]string{{"Type": "repository", "Class": "", "Name": rt.name, "Action": "pull"}}
	}
	if problem != "" {
		challenge += `,error="` + problem + `"`
	}
	r.header = map[string]string{"Www-Authenticate": challenge}
	return r
}

func (s *Service) pull(x *exchange, rt route) *refusal {
	if rt.kind == manifests {
		if refused := s.hub.count(x.w.Header(), x.Method == http.MethodGet); refused != nil {
			return refused
		}
	}
	return readShelf(x, rt, s.hub.names[rt.name])
}

// count notes a pull (the GET of a manifest; HEAD is free) and tells how many are left.
func (h *hub) count(header http.Header, pull bool) *refusal {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.clock()
	for len(h.pulls) > 0 && now.Sub(h.pulls[0]) > pullWindow {
		h.pulls = h.pulls[1:]
	}
	over := len(h.pulls) >= pullLimit
	if pull && !over {
		h.pulls = append(h.pulls, now)
	}
	window := ";w=" + strconv.Itoa(int(pullWindow/time.Second))
	header.Set("Ratelimit-Limit", strconv.Itoa(pullLimit)+window)
	header.Set("Ratelimit-Remaining", strconv.Itoa(pullLimit-len(h.pulls))+window)
	header.Set("Docker-Ratelimit-Source", "127.0.0.1")
	if over && pull && h.limit {
		return &refusal{status: http.StatusTooManyRequests, code: "TOOMANYREQUESTS",
			message: "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}
	}
	return nil
}

// readShelf serves the images of one name.
func readShelf(x *exchange, rt route, shelf Shelf) *refusal {
	if changes(x.Method) {
		return unsupported()
	}
	switch rt.kind {
	case manifests:
		body, mediaType, digest, ok := shelf.Manifest(rt.reference)
		if !ok {
			return &refusal{status: http.StatusNotFound, code: "MANIFEST_UNKNOWN", message: "manifest unknown", detail: "unknown tag=" + rt.reference}
		}
		sendManifest(x, body, mediaType, digest)
		return nil
	case blobs:
		b, ok, err := shelf.Blob(rt.reference)
		if err != nil {
			return failed(err)
		}
		if !ok {
			return blobUnknown(rt.reference)
		}
		sendBlob(x, b, rt.reference)
		return nil
	case tags:
		sendTags(x, map[string]any{"name": rt.name, "tags": page(x, shelf.Tags())})
		return nil
	case referrers:
		sendReferrers(x, nil)
		return nil
	}
	return unsupported()
}

// toDockerCom is what docker.io itself answers: it is no registry.
func toDockerCom(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://www.docker.com"+r.URL.Path, http.StatusMovedPermanently)
}
