package main

import (
	"context"
	"fmt"

	"github.com/atotto/clipboard"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/signgate/signgate/tui"
)

// wizardOptions are the flags that only the wizard has.
type wizardOptions struct {
	accessible bool
	noNotify   bool
}

func (o *wizardOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.accessible, "accessible", false, "lines and numbered questions instead of screens, for screen readers (also ACCESSIBLE=1)")
	f.BoolVar(&o.noNotify, "no-notify", false, "no bell and no notification when a long run ends (also SIGNGATE_NO_NOTIFY=1)")
}

// runWizard opens the wizard. It needs somebody at a terminal; where there is
// none, the verbs do the same.
func runWizard(ctx context.Context, a *app, o wizardOptions) error {
	if a.output == "json" {
		return usagef("the wizard has no JSON; %s does the same work", a.lineFor("apply --output json", a.setup))
	}
	lines := o.accessible || a.env.plain()
	if !lines && (!isTerminal(a.In) || !isTerminal(a.Out)) {
		return usagef("the wizard needs a terminal; without one: %s (--accessible asks line by line)", a.lineFor("apply --yes", a.setup))
	}
	if isTerminal(a.In) {
		a.interrupts.hangups()
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
	options := tui.Options{
		Input: a.In, Output: a.Out, Environ: a.env.list, Accessible: lines, Interrupt: interrupt,
		Notify: !o.noNotify && a.env.first("SIGNGATE_NO_NOTIFY") == "",
	}
	if !a.env.remote() { // over ssh it would be the clipboard of the wrong machine
		options.Clipboard = clipboard.WriteAll
	}
	outcome, err := tui.Run(ctx, b, options)
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
