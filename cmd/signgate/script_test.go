package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/internal/tools"
)

// TestMain lets scripts run this test binary as signgate: main is re-entered, in a
// process of its own, also by the background process of the sandbox.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"signgate": main, "googlecloud": googleCloud})
}

// waitAtMost bounds what a test waits for. It ends what hangs; no figure is taken from it.
const waitAtMost = 10 * time.Minute

// TestScripts are whole sessions with the program, as a user would type them. Each
// has a state folder of its own, and its sandbox is ended with it.
func TestScripts(t *testing.T) {
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	commands := scriptCommands()
	maps.Copy(commands, setupCommands())
	commands["methods"] = scriptMethods
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			state := filepath.Join(e.WorkDir, "state")
			e.Setenv("SIGNGATE_STATE_DIR", state)
			e.Setenv("SIGNGATE_BIN", bin)
			e.Defer(func() { endSandboxes(t, e.WorkDir) })
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "built" { // the sandbox's programs are: make build
				_, err := os.Stat(filepath.Join(bin, "signgate-cluster"))
				return err == nil, nil
			}
			return false, os.ErrInvalid
		},
		Cmds: commands,
	})
}
