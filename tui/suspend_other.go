//go:build !unix

package tui

import "os"

// noShell says why the program cannot be suspended.
func noShell() string { return "this system knows no job control" }

// Without job control there is nothing to follow, and nothing that would stop.
func follow(chan<- os.Signal) {}
func stops(os.Signal) bool    { return false }
func askToStop()              {}
func sleep(chan os.Signal)    {}
