package steps

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// cloud is what every step on Google's side is made of: the names and the clients.
type cloud struct {
	Names
	c     *gcp.Clients
	typed []string // the key versions in Commands, none for a new key's first
}

// typedVersion is the number of the key version that Commands sign with.
func (s cloud) typedVersion() string { return s.typedVersions()[0] }

func (s cloud) typedVersions() []string {
	if len(s.typed) == 0 {
		return []string{"1"}
	}
	return s.typed
}

// KeyVersions are the numbers of the versions that a record names: the one that signs,
// and one that is accepted besides.
func KeyVersions(pins map[string]string) []string {
	var all []string
	for _, pin := range []string{PinKeyVersion, PinOtherVersion} {
		if v := pins[pin]; v != "" {
			all = append(all, v)
		}
	}
	return all
}

// ask makes a call, waiting out an API that was switched on a moment ago.
func (s cloud) ask(ctx context.Context, l engine.Ledger, call func(context.Context) error) error {
	return gcp.Retry{For: gcp.Settles, When: s.c.Settling, Notice: func(err error) {
		off, _ := gcp.Disabled(err)
		notice(l, "%s was switched on a moment ago and is not known everywhere yet; waiting", off.Service)
	}}.Do(ctx, call)
}

// lookUp reads one thing; nil without an error if it is not there.
func lookUp[T any](ctx context.Context, s cloud, l engine.Ledger, get func(context.Context) (*T, error)) (*T, error) {
	var found *T
	err := s.ask(ctx, l, func(ctx context.Context) (err error) {
		found, err = get(ctx)
		return err
	})
	if gcp.NotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// resume waits for the operation that an earlier run left in flight on r, if it
// did. How that ended is seen by looking at r, not here.
func resume(ctx context.Context, l engine.Ledger, service gcp.Operations, r state.Resource) error {
	op := l.Entry(r).Operation
	if op == "" {
		return nil
	}
	err := gcp.Finish(ctx, service, op, slow(l))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if notDone := (*gcp.NotDoneError)(nil); errors.As(err, &notDone) {
		return err
	}
	if err != nil && !gcp.NotFound(err) {
		notice(l, "an earlier attempt failed and is made again: %v", err)
	}
	return nil
}

// follow waits for the operation that makes r, and has it on record meanwhile, so that a
// later run can resume. One that is done at once cannot be looked up by its name.
func follow(ctx context.Context, l engine.Ledger, service gcp.Operations, r state.Resource, op interface {
	Done() bool
	Name() string
}) error {
	if op.Done() {
		return nil
	}
	if err := l.Operation(r, op.Name()); err != nil {
		return err
	}
	return gcp.Finish(ctx, service, op.Name(), slow(l))
}

// adopt writes the receipt of a thing that is there: made, if it is ours (by its
// label, or because we meant to make it where there was nothing), found if not.
func adopt(l engine.Ledger, r state.Resource, labelled bool, facts map[string]string) error {
	switch l.Entry(r).Phase {
	case state.Made, state.Intended:
		return l.Made(r, facts)
	case state.Found:
		return nil
	}
	if labelled {
		return l.Made(r, facts)
	}
	return l.Found(r, facts)
}

// notLabelled is why most things are: what signgate makes, it labels.
const notLabelled = "it does not carry this setup's labels"

// leaveIt is the end of what the record calls this setup's, and what is somebody else's by
// now: it stays, which is said.
func leaveIt(l engine.Ledger, r state.Resource, why string, args ...any) error {
	notice(l, "%s is left alone: %s", Describe(r), fmt.Sprintf(why, args...))
	return l.Found(r, nil)
}

// settled is the change of a thing that is as wanted: none if we made it, reuse if
// it was there before us, create if our own making of it has no receipt yet.
func settled(l engine.Ledger, r state.Resource, labelled bool, summary string) engine.Change {
	switch phase := l.Entry(r).Phase; {
	case phase == state.Made:
		return engine.Change{Action: engine.None, Summary: summary}
	case phase == state.Intended, labelled && phase != state.Found:
		return engine.Change{Action: engine.Create, Summary: summary + " (begun)"}
	}
	return engine.Change{Action: engine.Reuse, Summary: summary}
}

// The labels that show whose a thing is.
const (
	labelManager = "managed-by"
	labelSetup   = "signgate-setup"
	manager      = "signgate"
)

func labels(l engine.Ledger) map[string]string {
	return map[string]string{labelManager: manager, labelSetup: l.Setup()}
}

func ours(l engine.Ledger, have map[string]string) bool {
	return have[labelManager] == manager && have[labelSetup] == l.Setup()
}

func notice(l engine.Ledger, format string, args ...any) {
	l.Report(engine.Event{Type: engine.TypeNotice, Text: fmt.Sprintf(format, args...)})
}

// warn is a notice that must be seen, whatever else goes on.
func warn(l engine.Ledger, format string, args ...any) {
	l.Report(engine.Event{Type: engine.TypeNotice, Warning: true, Text: fmt.Sprintf(format, args...)})
}

// slow tells from time to time that something takes long.
func slow(l engine.Ledger) func(time.Duration) {
	return func(waited time.Duration) {
		notice(l, "still waiting, for %s now; stopped and run again it goes on", waited.Round(time.Second))
	}
}

// blocked is a change that cannot be: the catalogue's problem id, with what happened in our words.
func blocked(summary, id, what string, args ...any) engine.Change {
	return engine.Change{Action: engine.Blocked, Summary: summary, Problem: raise(id, what, args...)}
}

func raise(id, what string, args ...any) *problem.Problem {
	p := problem.Raise(id, nil)
	p.What = fmt.Sprintf(what, args...)
	return p
}

// positional is how a command names a resource: by its short name, or by the full one
// where the short one would be read as a flag. Only key rings and keys may begin with a dash.
func positional(short, full string) string {
	if strings.HasPrefix(short, "-") {
		return full
	}
	return short
}

// atDigest writes an image by the digest that its tag has when the command is typed.
func (s cloud) atDigest(tag string) string {
	return `"` + s.ImageName() + "@$(crane digest " + shell(s.ImageName()+":"+tag) + `)"`
}

// shell writes a command as a person would type it, quoting what a shell would not leave alone.
func shell(words ...string) string {
	plain := regexp.MustCompile(`^[\w@%+=:,./-]+$`)
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if !plain.MatchString(w) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
