//go:build unix

package tui

import (
	"os"
	"os/signal"
	"syscall"

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
// the terminal again, also after a SIGSTOP that nobody can see coming.
func jobs(p *tea.Program, asked, done <-chan struct{}) {
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
		_ = p.RestoreTerminal() // without it the program's own reading fails next, and ends it
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
