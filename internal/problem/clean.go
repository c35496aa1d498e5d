package problem

import (
	"strings"
	"unicode"
)

// Clean makes a string from a service fit for a terminal: control characters and
// escape sequences, and the marks that reorder text, become visible or go; new
// lines and tabs stay.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r == unicode.ReplacementChar:
			return -1
		case unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, s)
}
