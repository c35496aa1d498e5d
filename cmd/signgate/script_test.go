package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
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
// folderOfPrograms is where the sandbox's programs are, if they are built.
func folderOfPrograms(t *testing.T) string {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "bin")
}

// noPrograms says why a test of the whole sandbox is not run, "" if it is.
func noPrograms(bin string) string {
	if testing.Short() {
		return "it takes a cluster: make test"
	}
	if missing := sandbox.Missing(bin); len(missing) > 0 {
		return fmt.Sprintf("no cluster without %v in bin/: make build", missing)
	}
	return ""
}

// programs is the folder of the sandbox's programs, for a test that is skipped without them.
func programs(t *testing.T) string {
	t.Helper()
	bin := folderOfPrograms(t)
	if why := noPrograms(bin); why != "" {
		t.Skip(why)
	}
	return bin
}

func TestScripts(t *testing.T) {
	bin := folderOfPrograms(t)
	commands := scriptCommands()
	maps.Copy(commands, setupCommands())
	maps.Copy(commands, betweenCommands())
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
			if name == "built" { // the sandbox has its programs, and the test is not for the inner loop
				return noPrograms(bin) == "", nil
			}
			return false, os.ErrInvalid
		},
		Cmds: commands,
	})
}
