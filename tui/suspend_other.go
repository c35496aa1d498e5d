//go:build !unix

package tui

import tea "charm.land/bubbletea/v2"

// noShell says why the program cannot be suspended.
func noShell() string { return "this system knows no job control" }

// jobs has nothing to follow.
func jobs(_ *tea.Program, _, _, done <-chan struct{}) { <-done }
