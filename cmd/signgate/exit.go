package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
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
	exitDiffers     = 3 // not as recorded, not admitted, not all up; apply, rotate: what somebody has changed is left alone
	exitInterrupted = 130
)

// codeError ends the program with a code and nothing more to say: a command that
// `sandbox run` ran, a verdict already printed.
type codeError int

func (c codeError) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// exit maps an error of a command to its code, once, and says what went wrong.
func (a *app) exit(command string, err error) int {
	if lost := a.lost(); lost != nil && errors.Is(err, lost) {
		err = nil // delivered tells of it
	}
	code := a.code(command, err)
	a.settle()
	return a.delivered(code)
}

func (a *app) code(command string, err error) int {
	var usage *usageError
	var code codeError
	var told said
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &told):
		return codeOf(told.Problem)
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(a.Err, "signgate: %v\nsigngate: hint: %s --help\n", err, command)
		return exitUsage
	case errors.Is(err, errNotAsRecorded):
		return exitDiffers
	case stopped(err):
		switch {
		case a.verb == "":
			fmt.Fprintln(a.Err, "signgate: stopped")
		case a.at == "":
			fmt.Fprintln(a.Err, "signgate: stopped before anything was changed")
		default:
			fmt.Fprintf(a.Err, "signgate: stopped; how far it came is on record\nsigngate: hint: %s\n", a.lineFor(a.verb, a.at))
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
	p = a.hereToo(p, a.named())
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

// named is the setup that is worked on, or was to be.
func (a *app) named() string { return cmp.Or(a.at, a.setup) }

// again is this command line with a flag more, to be shown.
func (a *app) again(flag string) string {
	words := []string{"signgate"}
	for _, word := range a.line {
		words = append(words, shellQuote(word))
	}
	return strings.Join(append(words, flag), " ")
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

// ownCommand is a command of signgate's about a setup, in a sentence that cannot know which, with its flags.
var ownCommand = regexp.MustCompile(`\bsigngate (apply|plan|status|destroy|rotate|sign|try|doctor)\b((?: --to [\w-]+| --[\w-]+(?:=\S+)?)*)`)

// here has the commands in a text be about this setup, where it is: copied, they must not
// go to another, nor from the sandbox to Google Cloud.
func (a *app) here(text, setup string) string {
	return ownCommand.ReplaceAllStringFunc(text, func(command string) string {
		parts := ownCommand.FindStringSubmatch(command)
		verb, flags := parts[1], parts[2]
		if strings.Contains(flags, " --sandbox") || strings.Contains(flags, " --setup") || strings.Contains(flags, " --state-dir") {
			return command // that has been done
		}
		if verb == "apply" && !strings.Contains(flags, " --to ") {
			verb += a.to
		}
		return a.lineFor(verb, setup) + flags
	})
}

// hereToo is a problem with its fix as said here.
func (a *app) hereToo(p *problem.Problem, setup string) *problem.Problem {
	if p == nil {
		return nil
	}
	said := *p
	said.Fix = a.here(p.Fix, setup)
	return &said
}

// checkHere is a check with its commands as said here.
func (a *app) checkHere(c engine.Check) engine.Check {
	c.Detail, c.Problem = a.here(c.Detail, a.named()), a.hereToo(c.Problem, a.named())
	return c
}

// list names things in a sentence.
func list(names []string) string { return strings.Join(names, ", ") }
