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
	stages map[string]string // of each step, the stage last said
}

func newTextPrinter(out io.Writer) *textPrinter {
	return &textPrinter{out: out, stages: map[string]string{}}
}

func (p *textPrinter) emit(ev engine.Event) {
	switch ev.Type {
	case engine.TypePlan:
		printPlan(p.out, *ev.Plan)
	case engine.TypeStep:
		p.step(ev)
	case engine.TypeProgress:
		p.progress(ev)
	case engine.TypeVerdict:
		printVerdict(p.out, *ev.Verdict)
	case engine.TypeNotice:
		fmt.Fprintf(p.out, "  note      %-12s %s\n", ev.Step, problem.Clean(ev.Text))
	case engine.TypeSummary:
		printSummary(p.out, *ev.Summary)
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

// printPlan says a plan with a legend of the signs it uses, the changes, one count.
func printPlan(out io.Writer, plan engine.Plan) {
	n := plan.Counts()
	if plan.Clean() {
		fmt.Fprintf(out, "No changes: everything is as wanted.\n")
		return
	}
	var legend []string
	for _, a := range []engine.Action{engine.Create, engine.Update, engine.Reuse, engine.None, engine.Blocked} {
		if n[a] > 0 {
			legend = append(legend, sign(a)+" "+words(a))
		}
	}
	fmt.Fprintf(out, "Plan (%s)\n", strings.Join(legend, ", "))
	for _, s := range plan.Steps {
		fmt.Fprintf(out, "  %s %-12s %s\n", sign(s.Change.Action), s.ID, problem.Clean(s.Change.Summary))
		if s.Change.Action == engine.Update {
			fmt.Fprintf(out, "                 is:     %s\n                 wanted: %s\n",
				problem.Clean(strings.Join(s.Change.Before, ", ")), problem.Clean(strings.Join(s.Change.After, ", ")))
		}
	}
	for _, p := range plan.Blocked() {
		printProblem(out, p)
	}
	fmt.Fprintf(out, "%d to create, %d to change, %d already there, %d blocked\n",
		n[engine.Create], n[engine.Update], n[engine.Reuse]+n[engine.None], n[engine.Blocked])
}

func sign(a engine.Action) string {
	return map[engine.Action]string{engine.Create: "+", engine.Update: "~", engine.Reuse: "=", engine.None: ".", engine.Blocked: "!"}[a]
}

func words(a engine.Action) string {
	return map[engine.Action]string{engine.Create: "create", engine.Update: "change", engine.Reuse: "reuse what is there",
		engine.None: "as wanted", engine.Blocked: "blocked"}[a]
}

func printVerdict(out io.Writer, v engine.Verdict) {
	mark := "as expected"
	if !v.OK {
		mark = "NOT AS EXPECTED (" + v.Expected + ")"
	}
	fmt.Fprintf(out, "  verdict   %-16s %s (%s), %s\n", v.Case, v.Actual, v.Reason, mark)
	fmt.Fprintf(out, "            %s\n", problem.Clean(v.Image))
	if v.Message != "" {
		fmt.Fprintf(out, "            %s\n", strings.ReplaceAll(problem.Clean(v.Message), "\n", "\n            "))
	}
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
