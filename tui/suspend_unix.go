//go:build unix

package tui

import (
	"os"
	"os/signal"
	"syscall"

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

// follow has the signals of job control come by a channel.
func follow(signals chan<- os.Signal) { signal.Notify(signals, syscall.SIGTSTP, syscall.SIGCONT) }

// stops tells the signal that asks to be suspended from the one that wakes.
func stops(s os.Signal) bool { return s == syscall.SIGTSTP }

// askToStop is what a terminal does at Ctrl+Z where nobody has made it raw.
func askToStop() { _ = syscall.Kill(os.Getpid(), syscall.SIGTSTP) }

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
