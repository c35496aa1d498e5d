//go:build unix

package tui

import (
	"os"
	"reflect"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
)

// wake is what a shell does that brings the wizard to the foreground: it has it give the
// terminal away and take it again, as after SIGSTOP.
func wake(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// A shell that wakes the wizard finds it drawn, each time.
func TestWokenIsDrawn(t *testing.T) {
	on := onTerminal(t, newFake())
	on.await(t, "a new setup")
	for range 100 {
		wake(t)
		on.await(t, ansi.ResetModeAltScreenSaveCursor)
		on.await(t, "a new setup")
	}
}

// A wizard that ends while it takes its terminal leaves it as it was found.
func TestEndedWhileWoken(t *testing.T) {
	for range 20 {
		on := onTerminal(t, newFake())
		on.await(t, "a new setup")
		wake(t)
		if err := on.leave(); err != nil {
			t.Fatal(err)
		}
		left, err := term.GetState(on.wizards.Fd())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(left, on.found) {
			t.Fatalf("the terminal is left as %+v, it was %+v", left, on.found)
		}
	}
}
