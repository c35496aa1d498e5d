package main

import (
	"context"
	"fmt"

	"github.com/charmbracelet/x/term"

	"github.com/signgate/signgate/tui"
)

// runWizard opens the wizard. It needs somebody at a terminal; where there is
// none, the verbs do the same.
func runWizard(ctx context.Context, a *app) error {
	if a.output == "json" {
		return usagef("the wizard has no JSON; signgate apply --output json does the same work")
	}
	lines := a.env.plain()
	if !lines && (!isTerminal(a.In) || !isTerminal(a.Out)) {
		return usagef("the wizard needs a terminal; without one: signgate apply --yes (ACCESSIBLE=1 asks line by line)")
	}
	interrupt := make(chan struct{}, 2)
	defer a.interrupts.softly(func() {
		select {
		case interrupt <- struct{}{}:
		default: // asked twice already
		}
	})()
	own := *a // what the program says while the screen is drawn goes to the screen
	b := &backend{app: &own}
	defer b.Close()
	outcome, err := tui.Run(ctx, b, tui.Options{
		Input: a.In, Output: a.Out, Environ: a.env.list, Accessible: lines, Interrupt: interrupt,
	})
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	if text := outcome.Farewell(); text != "" {
		fmt.Fprintf(a.Err, "signgate: %s\n", text)
	}
	switch {
	case outcome.Interrupted:
		return codeError(exitInterrupted)
	case outcome.Problem != nil:
		return said{outcome.Problem}
	}
	return ctx.Err()
}

// isTerminal says whether somebody may sit at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(f.Fd())
}
