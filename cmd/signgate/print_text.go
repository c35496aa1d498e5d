package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// textPrinter writes a run as plain lines: what started, what ended and how,
// the verdicts, a last line. It needs no terminal and writes no escape sequence.
type textPrinter struct {
	out    io.Writer
	free   bool              // nothing costs anything in this world
	stages map[string]string // of each step, the stage last said
}

func newTextPrinter(out io.Writer, free bool) *textPrinter {
	return &textPrinter{out: out, free: free, stages: map[string]string{}}
}

func (p *textPrinter) emit(ev engine.Event) {
	switch ev.Type {
	case engine.TypeCheck: // those that passed are counted, of those that failed the plan tells
		if ev.Check.State == engine.CheckUnknown {
			fmt.Fprintf(p.out, "  cannot tell  %s: %s\n", problem.Clean(ev.Check.Title), problem.Clean(ev.Check.Detail))
		}
	case engine.TypePlan:
		printPlan(p.out, *ev.Plan)
		printForecast(p.out, *ev.Plan, p.free)
	case engine.TypeStep:
		p.step(ev)
	case engine.TypeProgress:
		p.progress(ev)
	case engine.TypeVerdict:
		printVerdict(p.out, *ev.Verdict)
	case engine.TypeNotice:
		word := "note"
		if ev.Warning {
			word = "warning"
		}
		fmt.Fprintf(p.out, "  %-9s %-12s %s\n", word, ev.Step, problem.Clean(ev.Text))
		if ev.Problem != nil {
			printProblem(p.out, ev.Problem)
		}
	case engine.TypeRemovals:
		printRemovals(p.out, ev.Removals)
	case engine.TypeSummary:
		printSummary(p.out, *ev.Summary)
	}
}

func printRemovals(out io.Writer, all []engine.Removal) {
	for _, r := range all {
		word, why := "remove", ""
		if r.Keep {
			word = "keep"
		}
		if r.Why != "" {
			why = " (" + r.Why + ")"
		}
		fmt.Fprintf(out, "  %-7s %s\n", word, problem.Clean(r.Name+why))
	}
}

func (p *textPrinter) step(ev engine.Event) {
	fmt.Fprintf(p.out, "  %-9s %-12s %s", ev.Status, ev.Step, problem.Clean(ev.Text))
	if ev.Seconds >= 0.05 {
		fmt.Fprintf(p.out, "  %.1fs", ev.Seconds)
	}
	fmt.Fprintln(p.out)
	if ev.Problem != nil && ev.Status == engine.Failed {
		printProblem(p.out, ev.Problem)
	}
}

// progress is said once a stage: a plain log has no bar to redraw.
func (p *textPrinter) progress(ev engine.Event) {
	stage := ev.Progress.Stage
	if stage == "" {
		stage = ev.Text
	}
	if stage == "" || p.stages[ev.Step] == stage {
		return
	}
	p.stages[ev.Step] = stage
	fmt.Fprintf(p.out, "  …         %-12s %s\n", ev.Step, problem.Clean(stage))
}

func printProblem(out io.Writer, pr *problem.Problem) {
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(out, "            %-8s %s\n", label, strings.ReplaceAll(problem.Clean(text), "\n", "\n                     "))
		}
	}
	line("what", pr.What)
	line("why", pr.Why)
	line("try", pr.Fix)
	if pr.Words != pr.What {
		line("words", pr.Words)
	}
	line("id", pr.ID)
}

func printVerdict(out io.Writer, v engine.Verdict) {
	fmt.Fprintf(out, "  verdict   %-16s %s (%s), %s\n", v.Case, v.Actual, v.Reason, expected(v))
	fmt.Fprintf(out, "            %s\n", problem.Clean(v.Image))
	if v.Message != "" {
		fmt.Fprintf(out, "            %s\n", strings.ReplaceAll(problem.Clean(v.Message), "\n", "\n            "))
	}
}

// expected says whether a verdict is as it must be.
func expected(v engine.Verdict) string {
	if v.OK {
		return "as expected"
	}
	return "NOT AS EXPECTED (" + v.Expected + ")"
}

func printSummary(out io.Writer, s engine.Summary) {
	took := time.Duration(s.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	var parts []string
	for _, c := range []struct {
		n    int
		word string
	}{{s.Created, "created"}, {s.Changed, "changed"}, {s.Reused, "as wanted"}, {s.Removed, "removed"}, {s.Failed, "failed"}, {s.Skipped, "skipped"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	word := "Done"
	if !s.OK {
		word = "Not done"
	}
	fmt.Fprintf(out, "%s in %s: %s\n", word, took, strings.Join(parts, ", "))
}
