package registry

import "strings"

func lower(c byte) bool { return 'a' <= c && c <= 'z' }
func digit(c byte) bool { return '0' <= c && c <= '9' }

// every says that all of a text is of one kind.
func every(s string, kind func(byte) bool) bool {
	for i := range len(s) {
		if !kind(s[i]) {
			return false
		}
	}
	return true
}

// isDigest tells a digest from a tag: no tag has a colon.
func isDigest(reference string) bool { return strings.Contains(reference, ":") }

// wellDigested is what a digest looks like here: sha256:[0-9a-f]{64}.
func wellDigested(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(hex) == 64 && every(hex, func(c byte) bool { return digit(c) || 'a' <= c && c <= 'f' })
}

// IsTag says whether a text can be a tag: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}.
func IsTag(s string) bool {
	return s != "" && len(s) <= 128 && s[0] != '.' && s[0] != '-' && every(s, func(c byte) bool {
		return lower(c) || digit(c) || 'A' <= c && c <= 'Z' || c == '_' || c == '.' || c == '-'
	})
}

// isUpload is what the id of an upload looks like (rand.Text).
func isUpload(s string) bool {
	return len(s) == 26 && every(s, func(c byte) bool { return 'A' <= c && c <= 'Z' || '2' <= c && c <= '7' })
}

// isName: components of lower-case letters and digits, joined within by one of . _ __ or
// any number of -, joined with one another by /.
func isName(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if !isComponent(part) {
			return false
		}
	}
	return true
}

func isComponent(s string) bool {
	for {
		n := 0
		for n < len(s) && (lower(s[n]) || digit(s[n])) {
			n++
		}
		if n == 0 {
			return false
		}
		if s = s[n:]; s == "" {
			return true
		}
		switch {
		case strings.HasPrefix(s, "__"):
			s = s[2:]
		case s[0] == '.' || s[0] == '_':
			s = s[1:]
		case s[0] == '-':
			s = strings.TrimLeft(s, "-")
		default:
			return false
		}
	}
}
