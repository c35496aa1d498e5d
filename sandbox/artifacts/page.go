package artifacts

import (
	"encoding/base64"
	"regexp"
	"strings"
)

const (
	pageDefault = 100
	pageMost    = 1000
)

// page cuts a list that is in order: the token is the name of the last item before.
func page[T any](all []T, size int32, token string, name func(T) string) ([]T, string, error) {
	if size < 0 {
		return nil, "", badRequest()
	}
	if size == 0 {
		size = pageDefault
	}
	size = min(size, pageMost)
	if token != "" {
		last, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", badRequest()
		}
		at := 0
		for at < len(all) && name(all[at]) != string(last) {
			at++
		}
		if at == len(all) {
			return nil, "", badRequest()
		}
		all = all[at+1:]
	}
	if len(all) <= int(size) {
		return all, "", nil
	}
	return all[:size], base64.RawURLEncoding.EncodeToString([]byte(name(all[size-1]))), nil
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
