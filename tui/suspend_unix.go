//go:build unix

package tui

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// noShell says why the program cannot be suspended, "" if it can. A program that
// is the first of its terminal, in a container or a multiplexer's window, has no
// shell above it that would ever wake it.
func noShell() string {
	if session, err := unix.Getsid(0); err != nil || session == unix.Getpgrp() {
		return "no shell is there to come back from"
	}
	return ""
}

// jobs follows the shell's job control until done: asked (Ctrl+Z) and SIGTSTP give
// the terminal back and stop the program with all of its group; SIGCONT (fg) takes
// the terminal again, also after a SIGSTOP that nobody can see coming. What comes by
// drawn is as canvas has it.
func jobs(p *tea.Program, drawn, asked, done <-chan struct{}) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTSTP, syscall.SIGCONT)
	defer signal.Stop(signals)
	for {
		stop := true
		select {
		case <-asked:
		case s := <-signals:
			stop = s == syscall.SIGTSTP
		case <-done:
			return
		}
		if stop && noShell() != "" {
			continue
		}
		if p.ReleaseTerminal() != nil {
			continue
		}
		if stop {
			sleep(signals)
		}
		retake(p, drawn, done)
	}
}

// blank is how long the terminal may stay as the shell left it before it is taken once more,
// and twice as long each time after that, up to blankMax: a busy machine is slow to draw.
const blank, blankMax = 100 * time.Millisecond, 2 * time.Second

// retake takes the terminal, as often as it takes for the wizard to be on it. Bubble Tea
// does not wait for its loop that draws when it ends it, and the last thing that loop does
// is to stop the clock that it draws by. That can come after the clock was started again,
// most easily if the program was stopped in between: then nothing would ever be drawn.
// https://github.com/charmbracelet/bubbletea/issues/1778
func retake(p *tea.Program, drawn, done <-chan struct{}) {
	for wait := blank; ; wait = min(2*wait, blankMax) {
		select {
		case <-drawn: // before
		default:
		}
		if p.RestoreTerminal() != nil {
			return // the program's own reading fails next, and ends it
		}
		late := time.NewTimer(wait)
		select {
		case <-drawn:
			late.Stop()
			return
		case <-done:
			late.Stop()
			return
		case <-late.C:
		}
		select {
		case <-done: // the terminal is the shell's
			return
		default:
		}
		if p.ReleaseTerminal() != nil {
			return
		}
	}
}

// sleep stops the process group and returns when it goes on.
func sleep(signals chan os.Signal) {
	for len(signals) > 0 {
		<-signals
	}
	if syscall.Kill(0, syscall.SIGSTOP) != nil {
		return
	}
	for s := range signals {
		if s == syscall.SIGCONT {
			return
		}
	}
}
