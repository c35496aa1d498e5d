package main

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/fault"
)

// held STATE TARGET: returns when a call is held at the fault of that target; negated, when none is any more.
func held(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), waitAtMost)
	defer cancel()
	r, err := sandbox.Find(ctx, ts.MkAbs(filepath.Join(args[0], "sandbox")))
	ts.Check(err)
	if neg {
		until(ts, func() bool {
			all, err := r.ListFaults(ctx)
			ts.Check(err)
			return !slices.ContainsFunc(all, func(f fault.Seen) bool { return f.Target == args[1] && f.Held > 0 })
		})
		return
	}
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
