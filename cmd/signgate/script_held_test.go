package main

import (
	"context"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/sandbox"
)

// held STATE TARGET: returns when a call is held at the fault of that target.
func held(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), waitAtMost)
	defer cancel()
	r, err := sandbox.Find(ctx, ts.MkAbs(filepath.Join(args[0], "sandbox")))
	ts.Check(err)
	all, err := r.ListFaults(ctx)
	ts.Check(err)
	for _, f := range all {
		if f.Target == args[1] {
			ts.Check(r.AwaitHeld(ctx, f.ID))
			return
		}
	}
	ts.Fatalf("there is no fault of %s", args[1])
}
