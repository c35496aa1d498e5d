package artifacts

import (
	"cmp"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

const (
	pageDefault = 100
	pageMost    = 1000
)

// paged is what requests of lists have in common.
type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

// page cuts a list that is in order: the token is the name of the last item before.
func page[T interface{ GetName() string }](all []T, req paged) ([]T, string, error) {
	size := int(cmp.Or(req.GetPageSize(), pageDefault))
	if size < 0 {
		return nil, "", badRequest()
	}
	size = min(size, pageMost)
	if token := req.GetPageToken(); token != "" {
		last, err := base64.RawURLEncoding.DecodeString(token)
		at := slices.IndexFunc(all, func(one T) bool { return one.GetName() == string(last) })
		if err != nil || at < 0 {
			return nil, "", badRequest()
		}
		all = all[at+1:]
	}
	if len(all) <= size {
		return all, "", nil
	}
	return all[:size], base64.RawURLEncoding.EncodeToString([]byte(all[size-1].GetName())), nil
}

// filterName understands name="…", with * for any text.
func filterName(filter string) (func(name string) bool, error) {
	return filterBy(filter, "name")
}

func filterBy(filter, field string) (func(value string) bool, error) {
	if filter == "" {
		return func(string) bool { return true }, nil
	}
	name, value, ok := strings.Cut(filter, "=")
	value = strings.TrimSpace(value)
	if !ok || strings.TrimSpace(name) != field || len(value) < 2 || value[0] != '"' || strings.IndexByte(value[1:], '"') != len(value)-2 {
		return nil, invalid("Invalid filter %q: the sandbox understands %s=\"…\" here.", filter, field)
	}
	words := strings.Split(value[1:len(value)-1], "*")
	for i := range words {
		words[i] = regexp.QuoteMeta(words[i])
	}
	pattern, err := regexp.Compile("^" + strings.Join(words, ".*") + "$")
	if err != nil { // cannot be: it is quoted
		return nil, badRequest()
	}
	return pattern.MatchString, nil
}
