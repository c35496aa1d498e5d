//go:build unix

package tui

import (
	"os"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// A shell that wakes the wizard finds it drawn, each time: SIGCONT has it give the
// terminal away and take it again, as after SIGSTOP.
func TestWokenIsDrawn(t *testing.T) {
	_, drawn := onTerminal(t, newFake())
	drawn.await(t, "a new setup")
	for range 100 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		drawn.await(t, ansi.ResetModeAltScreenSaveCursor)
		drawn.await(t, "a new setup")
	}
}
