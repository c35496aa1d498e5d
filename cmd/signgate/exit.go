package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// The exit codes are a contract: scripts depend on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDiffers     = 3 // status: not as recorded; try: not admitted; apply --yes: a person's change would be reverted
	exitInterrupted = 130
)

// codeError ends the program with a code and nothing more to say: a command that
// `sandbox run` ran, a verdict already printed.
type codeError int

func (c codeError) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// exit maps an error to its code, once, and says what went wrong.
func (a *app) exit(err error) int {
	var usage *usageError
	var code codeError
	var told said
	defer a.settle()
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &told):
		return codeOf(told.Problem)
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(a.Err, "signgate: %v\nsigngate: hint: signgate --help\n", err)
		return exitUsage
	case errors.Is(err, errNotAsRecorded):
		return exitDiffers
	case errors.Is(err, engine.ErrStopped), errors.Is(err, context.Canceled):
		if a.verb == "" {
			fmt.Fprintln(a.Err, "signgate: stopped")
		} else {
			fmt.Fprintf(a.Err, "signgate: stopped; how far it came is on record\nsigngate: hint: %s\n", a.lineFor(a.verb, a.setup))
		}
		return exitInterrupted
	}
	p := problem.From(err)
	a.explain(p)
	return codeOf(p)
}

func codeOf(p *problem.Problem) int {
	switch p.ID {
	case "changed-by-hand":
		return exitDiffers
	case "stopped":
		return exitInterrupted
	}
	return exitFailed
}

// settle keeps a promise of the JSON output: the last line is the summary, even where nothing was run.
func (a *app) settle() {
	if a.owes && a.output == "json" {
		jsonPrinter(a.Out)(engine.Event{Time: time.Now(), Type: engine.TypeSummary, Summary: &engine.Summary{}})
	}
}

// explain says a problem in text, or as a JSON object where JSON was asked for.
func (a *app) explain(p *problem.Problem) {
	if a.output == "json" {
		jsonPrinter(a.Out)(engine.Event{Time: time.Now(), Type: engine.TypeNotice, Problem: p})
		return
	}
	fmt.Fprintf(a.Err, "signgate: %s\n", problem.Clean(p.What))
	if p.Words != "" && p.Words != p.What {
		fmt.Fprintf(a.Err, "  %s\n", strings.ReplaceAll(problem.Clean(p.Words), "\n", "\n  "))
	}
	if p.Why != "" {
		fmt.Fprintf(a.Err, "signgate: why: %s\n", problem.Clean(p.Why))
	}
	if p.Fix != "" {
		fmt.Fprintf(a.Err, "signgate: hint: %s\n", problem.Clean(p.Fix))
	}
	fmt.Fprintf(a.Err, "signgate: more: signgate explain %s\n", p.ID)
}

// lineFor is a command line for a setup, to be shown.
func (a *app) lineFor(verb, setup string) string {
	line := "signgate " + verb
	if a.sandbox {
		line += " --sandbox"
	}
	if setup != "" {
		line += " --setup " + setup
	}
	if a.stateDir != a.env.stateDir() {
		line += " --state-dir " + shellQuote(a.stateDir)
	}
	return line
}

// list names things in a sentence.
func list(names []string) string { return strings.Join(names, ", ") }
