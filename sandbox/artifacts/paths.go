package artifacts

import (
	"net/http"
	"net/url"
	"strings"
)

// named lets names be in paths that the transcoder would misread: it decodes a path that
// was decoded already ("team%2Fapp" is a package's name, not two), and takes what follows
// the last colon for a verb ("versions/sha256:…"). The beta versions, which gcloud asks
// about locations, are answered as v1: what they have in common is alike.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			next.ServeHTTP(w, r)
			return
		}
		path := r.URL.EscapedPath()
		if i := strings.LastIndexByte(path, ':'); i > strings.LastIndexByte(path, '/') && !isVerb(path[i+1:]) {
			path = path[:i] + "%3A" + path[i+1:]
		}
		for _, beta := range []string{"/v1beta2/", "/v1beta1/"} {
			if rest, ok := strings.CutPrefix(path, beta); ok {
				path = "/v1/" + rest
			}
		}
		plain := *r
		plain.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
		next.ServeHTTP(w, &plain)
	})
}

// isVerb says whether a method of the API can be called so: "setIamPolicy".
func isVerb(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) < 0
}
