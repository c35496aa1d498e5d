package artifacts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isID is what a repository's id looks like: [a-z]([a-z0-9-]{0,61}[a-z0-9])?.
func isID(s string) bool {
	if s == "" || len(s) > 63 || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isLabelText: at most 63 letters (none upper case), digits, _ and -.
func isLabelText(s string) bool {
	return utf8.RuneCountInString(s) <= 63 && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.Ll, unicode.Lo, unicode.N) && r != '_' && r != '-'
	}) < 0
}

// isLabelKey is a label's text that begins with a letter.
func isLabelKey(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return isLabelText(s) && unicode.In(first, unicode.Ll, unicode.Lo)
}
