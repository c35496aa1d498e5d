package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

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
	asked := o.accessible || a.env.lines() // that a terminal can do no more brings nobody to answer
	if !asked && !isTerminal(a.In) || !lines && !isTerminal(a.Out) {
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
	in := a.In
	var piped *pipedAnswers
	if !isTerminal(a.In) {
		piped = &pipedAnswers{from: a.In}
		in = piped
	}
	own := *a // what the program says while the screen is drawn goes to the screen
	b := &backend{app: &own}
	defer b.Close()
	options := tui.Options{
		Input: in, Output: a.Out, Environ: a.env.list, Accessible: lines, Interrupt: interrupt,
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
	case ctx.Err() == nil && !outcome.OK && piped.ranOut():
		fmt.Fprintf(a.Err, "signgate: stopped: the input ended before the questions did\nsigngate: hint: without questions: %s\n", a.lineFor("apply --yes", a.setup))
		return codeError(exitInterrupted)
	}
	return ctx.Err()
}

// isTerminal says whether somebody may sit at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(f.Fd())
}

// pipedAnswers are answers that nobody types: they can end in the middle, which is no way to say that
// all is answered. The line q is one to leave.
type pipedAnswers struct {
	from io.Reader

	mu    sync.Mutex
	line  []byte // the last that was read, as far as it came
	ended bool
}

func (p *pipedAnswers) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(p.line, b[:n]...)
	if i := bytes.LastIndexByte(bytes.TrimRight(p.line, "\r\n"), '\n'); i >= 0 {
		p.line = bytes.Clone(p.line[i+1:])
	}
	p.ended = p.ended || err != nil
	return n, err
}

// ranOut says whether they ended, and not by leaving.
func (p *pipedAnswers) ranOut() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended && string(bytes.TrimSpace(p.line)) != "q"
}
