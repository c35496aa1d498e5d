package problem

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/state"
)

// From explains an error. A Problem anywhere in it is returned as it is; words
// that the catalogue does not know come back whole under the id "unknown".
func From(err error) *Problem {
	if err == nil {
		return nil
	}
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	if id := own(err); id != "" {
		return Raise(id, err)
	}
	words := Words(err)
	for _, e := range Catalogue() {
		if e.Pattern == "" {
			continue
		}
		if p := e.match(words); p != nil {
			p.Err = err
			return p
		}
	}
	if e, ok := Explain(byCode(status.Code(err))); ok { // words that nobody knows, under a code that says enough
		p := e.filled(words, nil)
		p.Err = err
		return p
	}
	return Raise("unknown", err)
}

// byCode is what a gRPC code alone says, "" where that is nothing that can be acted on.
func byCode(c codes.Code) string {
	return map[codes.Code]string{
		codes.PermissionDenied: "permission-denied", codes.Unauthenticated: "not-signed-in",
		codes.AlreadyExists: "already-exists", codes.NotFound: "not-found",
		codes.ResourceExhausted: "rate-limited", codes.Aborted: "aborted", codes.Internal: "service-internal",
		codes.Unavailable: "unreachable", codes.DeadlineExceeded: "timeout",
	}[c]
}

// own recognises signgate's typed errors.
func own(err error) string {
	var (
		corrupt *state.CorruptError
		newer   *state.NewerError
		locked  *state.LockedError
		world   *state.WorldError
	)
	switch {
	case errors.As(err, &corrupt):
		return "state-damaged"
	case errors.As(err, &newer):
		return "state-newer"
	case errors.As(err, &locked):
		return "setup-locked"
	case errors.As(err, &world):
		return "other-world"
	case errors.Is(err, context.Canceled), status.Code(err) == codes.Canceled: // gRPC has a code for it
		return "stopped"
	}
	return ""
}

// Raise makes the problem of a catalogue id, with err's words.
func Raise(id string, err error) *Problem {
	e, ok := Explain(id)
	if !ok {
		e = Entry{ID: id, What: id}
	}
	p := &Problem{ID: e.ID, What: e.What, Why: e.Why, Fix: e.Fix, Err: err}
	if err != nil {
		p.Words = Words(err)
	}
	return p
}

// Drift says what someone changed by hand in a step, and what it was to be.
func Drift(step, summary string, before, after []string) *Problem {
	p := Raise("changed-by-hand", nil)
	p.What = summary + ": " + p.What
	p.Words = "is:     " + strings.Join(before, ", ") + "\nwanted: " + strings.Join(after, ", ")
	p.Fix = "look at the difference; to have it as recorded: signgate apply --overwrite-changes=" + step
	return p
}

// Words are what the service said, with gRPC's wrapping taken off, fit for a terminal.
func Words(err error) string {
	text := err.Error()
	if s, ok := status.FromError(err); ok && s.Message() != "" {
		if !strings.Contains(s.Message(), "rpc error") {
			text = s.Message()
		}
		for _, reason := range reasons(s) {
			if reason != "" && !strings.Contains(text, reason) {
				text += " (" + reason + ")"
			}
		}
	}
	return strings.TrimSpace(Clean(text))
}

// match is the problem of words that an entry knows, nil of others.
func (e Entry) match(words string) *Problem {
	re, err := regexp.Compile(e.Pattern)
	if err != nil {
		return nil // a test compiles them all
	}
	all := re.FindAllStringSubmatch(words, -1)
	if all == nil {
		return nil
	}
	said := map[string][]string{}
	for _, one := range all {
		for i, name := range re.SubexpNames() {
			if one[i] != "" && !slices.Contains(said[name], one[i]) {
				said[name] = append(said[name], one[i])
			}
		}
	}
	return e.filled(words, said)
}

// filled puts what was said of each group in its place: all of it, where it was said more than once.
func (e Entry) filled(words string, said map[string][]string) *Problem {
	fill := func(template string) string {
		text := os.Expand(template, func(name string) string { return strings.Join(said[name], ", ") })
		return strings.TrimRight(text, " :")
	}
	return &Problem{ID: e.ID, What: fill(e.What), Why: fill(e.Why), Fix: fill(e.Fix), Words: words}
}
