package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

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

// printForecast says of a plan that has something to do about how long it takes, what
// the setup costs while it exists, and what may well stand in the way.
func printForecast(out io.Writer, plan engine.Plan, free bool) {
	if plan.Clean() || len(plan.Blocked()) > 0 {
		return
	}
	if f := plan.Forecast; f != nil && f.Seconds > 0 {
		fmt.Fprintf(out, "Time: %s (%s); one after another %s\n", about(f.Seconds), strings.Join(f.Path, " → "), about(f.Sequential))
	}
	if c := plan.Cost; c != nil {
		where := ""
		if free {
			where = "nothing here; on Google Cloud "
		}
		fmt.Fprintf(out, "Cost: %sabout $%.2f an hour, $%.0f a month, while it exists\n", where, c.Hourly, c.Monthly)
		for _, line := range c.Lines {
			fmt.Fprintf(out, "      $%.4f an hour  %s\n", line.Hourly, line.What)
		}
		fmt.Fprintf(out, "      %s\n", c.Note)
	}
	for _, w := range plan.Warnings {
		fmt.Fprintln(out, "Warning:")
		printProblem(out, w)
	}
}

// about is a time as a person would say it who does not know exactly.
func about(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return "a few seconds"
	case d < 90*time.Second:
		return fmt.Sprintf("about %d seconds", int(d.Round(5*time.Second).Seconds()))
	}
	return fmt.Sprintf("about %d minutes", int(d.Round(time.Minute).Minutes()))
}
