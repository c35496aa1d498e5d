package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// printRecord says what a record is about, without looking at the world.
func printRecord(out io.Writer, rec state.Record) {
	when := "not finished"
	if !rec.Finished.IsZero() {
		when = "finished " + rec.Finished.Local().Format("2 January 2006 15:04")
	}
	count := map[state.Phase]int{}
	for _, e := range rec.Entries {
		count[e.Phase]++
	}
	fmt.Fprintf(out, "Setup %s in %s: project %s, %s, %s\n", rec.Name, rec.World, rec.Answers.Project, rec.Answers.Region, when)
	fmt.Fprintf(out, "on record: %d made, %d found, %d begun, %d removed\n", count[state.Made], count[state.Found], count[state.Intended], count[state.Gone])
}

// printReport says how things are: the gate first, then every resource, then what to do.
func printReport(out io.Writer, r engine.Report, sandbox bool) {
	printRunning(out, r.Running, sandbox)
	if r.Rotation != "" {
		fmt.Fprintf(out, "rotating: %s\n", r.Rotation)
	}
	fmt.Fprintf(out, "gate:    %s (%s)\n", problem.Clean(r.Gate.Means), r.Gate.State)
	for _, v := range r.Gate.Verdicts {
		fmt.Fprintf(out, "         %-16s %s (%s), %s\n", v.Case, v.Actual, v.Reason, expected(v))
	}
	fmt.Fprintln(out)
	count := map[engine.Condition]int{}
	var repairs []string
	for _, f := range r.Findings {
		count[f.State]++
		printFinding(out, f)
		if f.Repair != "" && f.Differs() && !slices.Contains(repairs, f.Repair) {
			repairs = append(repairs, f.Repair)
		}
	}
	if r.OK {
		fmt.Fprintf(out, "All %d resources are as recorded and wanted.\n", count[engine.AsWanted])
		return
	}
	fmt.Fprintf(out, "%d as wanted, %d missing, %d changed, %d not made yet, %d cannot be told\n",
		count[engine.AsWanted], count[engine.Missing], count[engine.Changed], count[engine.NotYet], count[engine.CannotTell])
	for _, line := range repairs {
		fmt.Fprintf(out, "repair:  %s\n", line)
	}
}

func printRunning(out io.Writer, r *engine.Running, sandbox bool) {
	if r == nil {
		return
	}
	line := "running: for " + (time.Duration(r.Seconds) * time.Second).String()
	switch {
	case r.Hourly == 0:
	case sandbox:
		line += fmt.Sprintf("; costs nothing here, on Google Cloud about $%.2f so far ($%.2f an hour)", r.SoFar, r.Hourly)
	default:
		line += fmt.Sprintf("; about $%.2f so far ($%.2f an hour; %s)", r.SoFar, r.Hourly, r.Note)
	}
	fmt.Fprintln(out, line)
}

// printFinding is one line for what is as wanted, and all that is known of what is not.
func printFinding(out io.Writer, f engine.Finding) {
	sign := map[engine.Condition]string{engine.AsWanted: ".", engine.Missing: "-", engine.Changed: "~", engine.NotYet: "+", engine.CannotTell: "?"}[f.State]
	fmt.Fprintf(out, "  %s %-12s %s%s\n", sign, f.Step, problem.Clean(f.Title), strings.TrimSuffix("  "+string(f.Recorded), "  "))
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(out, "      %-7s %s\n", label, strings.ReplaceAll(problem.Clean(text), "\n", "\n              "))
		}
	}
	switch f.State {
	case engine.AsWanted, engine.NotYet:
		return
	case engine.CannotTell:
		line("why", f.Real)
	default:
		line("wanted", f.Wanted)
		line("is", f.Real)
		line("means", f.Means)
	}
	line("repair", f.Repair)
}
