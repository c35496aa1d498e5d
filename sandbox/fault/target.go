package fault

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// target is a Fault's Target, read: a method of an API, or what is asked of a host.
type target struct {
	method string // pattern of "google.cloud.kms.v1.KeyManagementService/CreateKeyRing", or of its end

	verb, host, path string // patterns; "" for any. A path with a ? in it is about the query, too
}

// parseTarget tells the two forms apart: names of methods have capitals in their first
// part, hosts have none.
func parseTarget(text string) (target, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "…", "..."))
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return target{}, fmt.Errorf("say what the fault is about: a method (AsymmetricSign) or a host (oauth2.googleapis.com/token)")
	case len(words) > 2:
		return target{}, fmt.Errorf("%q is no target: say a method (AsymmetricSign), or [HTTP-METHOD] HOST[/PATH]", text)
	}
	first, path, slash := strings.Cut(strings.TrimPrefix(words[len(words)-1], "/"), "/")
	if strings.IndexFunc(first, unicode.IsUpper) >= 0 {
		if len(words) > 1 {
			return target{}, fmt.Errorf("%q is no target: a method of an API stands alone", text)
		}
		if slash {
			return target{method: first + "/" + path}, nil
		}
		if i := strings.LastIndexByte(first, '.'); i >= 0 { // google.cloud.kms.v1.KeyManagementService.CreateKeyRing
			return target{method: first[:i] + "/" + first[i+1:]}, nil
		}
		return target{method: first}, nil
	}
	t := target{host: first}
	if slash {
		t.path = "/" + path
	}
	if len(words) > 1 {
		if t.verb = words[0]; strings.ToUpper(t.verb) != t.verb {
			return target{}, fmt.Errorf("%q is no HTTP method: they are written in capitals", t.verb)
		}
	}
	return t, nil
}

// calls says whether it is about a method, of which the full name is given without the
// slash before it.
func (t target) calls(method string) bool {
	if t.method == "" {
		return false
	}
	if glob(t.method, method) {
		return true
	}
	service, name, _ := strings.Cut(method, "/")
	if !strings.Contains(t.method, "/") {
		return glob(t.method, name)
	}
	return glob(t.method, service[strings.LastIndexByte(service, '.')+1:]+"/"+name)
}

// asks says whether it is about an HTTP request.
func (t target) asks(verb, host string, u *url.URL) bool {
	what := u.Path
	if strings.Contains(t.path, "?") {
		what += "?" + u.RawQuery
	}
	return t.method == "" && glob(t.host, host) && (t.verb == "" || glob(t.verb, verb)) && (t.path == "" || glob(t.path, what))
}

// about says whether it is about single requests to a host.
func (t target) about(host string) bool {
	return t.method == "" && t.verb != "CONNECT" && glob(t.host, host)
}

// connects says whether it is about the connection to a host, and not about what passes through.
func (t target) connects(host string) bool {
	return t.method == "" && t.verb == "CONNECT" && glob(t.host, host)
}

// glob matches a pattern in which * stands for anything, nothing too.
func glob(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, head)
	if !ok {
		return false
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], more
	}
}
