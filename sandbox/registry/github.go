package registry

import (
	"net/http"
	"slices"
)

// serveGitHub is ghcr.io, as an anonymous client sees it.
func (s *Service) serveGitHub(x *exchange) *refusal {
	if x.URL.Path == "/token" {
		return s.githubToken(x)
	}
	rt, refused := parse(x.URL.Path)
	if refused != nil {
		return refused
	}
	p, ok := s.passes.read(x.Host, bearer(x.Request))
	scope := "repository:user/image:pull"
	if rt.name != "" {
		scope = "repository:" + rt.name + ":pull"
	}
	if !ok || rt.kind != ping && !p.pulls(rt.name) || changes(x.Method) {
		return &refusal{status: http.StatusUnauthorized, code: "UNAUTHORIZED", message: "authentication required",
			header: map[string]string{"Www-Authenticate": `Bearer realm="https://` + x.Host + `/token",service="` + x.Host + `",scope="` + scope + `"`}}
	}
	if rt.kind == ping {
		sendPing(x)
		return nil
	}
	x.resource = x.Host + "/" + rt.name
	return readShelf(x, rt, s.opt.GitHub[rt.name])
}

// githubToken refuses a token for what is not there, or not public.
func (s *Service) githubToken(x *exchange) *refusal {
	if x.Method != http.MethodGet {
		return notFound()
	}
	var names []string
	for _, sc := range scopes(x.Request) {
		if s.opt.GitHub[sc.name] == nil || slices.ContainsFunc(sc.actions, func(a string) bool { return a != "pull" }) {
			return denied("denied")
		}
		names = append(names, sc.name)
	}
	if x.Header.Get("Authorization") != "" {
		return denied("denied")
	}
	sendToken(x.w, s.passes.give(x.Host, names), passLife, s.iam.Now(), false)
	return nil
}
