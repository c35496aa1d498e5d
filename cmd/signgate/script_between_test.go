package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

// betweenCommands let a script stand for the process of a sandbox that starts or ends.
func betweenCommands() map[string]func(*testscript.TestScript, bool, []string) {
	held := map[string]*flock.Flock{}
	return map[string]func(*testscript.TestScript, bool, []string){
		// between STATE up|down: the sandbox is between, until over STATE.
		"between": func(ts *testscript.TestScript, neg bool, args []string) {
			path := ts.MkAbs(filepath.Join(args[0], "sandbox", "lock"))
			lock := flock.New(path)
			until(ts, func() bool { // the process that was killed may not be quite gone
				ok, err := lock.TryLock()
				ts.Check(err)
				return ok
			})
			ts.Check(os.WriteFile(path, fmt.Appendf(nil, "0 %s\n", args[1]), 0o600))
			held[path] = lock
			ts.Defer(func() { lock.Close() })
		},
		"over": func(ts *testscript.TestScript, neg bool, args []string) {
			ts.Check(held[ts.MkAbs(filepath.Join(args[0], "sandbox", "lock"))].Close())
		},
	}
}
