// Package problem turns any error into something a person can act on: what
// happened, why, what to try, and a stable id that `signgate explain` knows.
// Whatever it does not recognise it passes on whole, in the service's own words.
package problem

import (
	"regexp"
	"strings"
)

// Problem is a failure as it is shown. It is an error and wraps the one it explains.
type Problem struct {
	ID    string `json:"id"`              // stable, kebab-case: "api-not-enabled"
	What  string `json:"message"`         // what happened, lower case, no full stop
	Why   string `json:"cause,omitempty"` // why, as far as it is known
	Fix   string `json:"fix,omitempty"`   // what to try; a command where there is one
	Words string `json:"words,omitempty"` // the service's own words, cleaned of control sequences
	Err   error  `json:"-"`
}

// Error gives what happened and the service's words, so that a Problem printed
// as a plain error loses nothing.
func (p *Problem) Error() string {
	if p.Words == "" || p.Words == p.What {
		return p.What
	}
	return p.What + ": " + p.Words
}

// Plain shows a catalogue text with its groups as words: ${service} becomes SERVICE.
func Plain(text string) string {
	return regexp.MustCompile(`\$\{(\w+)\}`).ReplaceAllStringFunc(text, func(m string) string {
		return strings.ToUpper(strings.Trim(m, "${}"))
	})
}

// Unwrap gives the error that the problem explains.
func (p *Problem) Unwrap() error { return p.Err }
