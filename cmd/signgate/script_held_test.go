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
	all, err := r.ListFaults(ctx)
	ts.Check(err)
	i := slices.IndexFunc(all, func(f fault.Seen) bool { return f.Target == args[1] })
	switch {
	case i < 0:
		ts.Fatalf("there is no fault of %s", args[1])
	case neg:
		until(ts, func() bool {
			held, err := r.IsHeld(ctx, all[i].ID)
			ts.Check(err)
			return !held
		})
	default:
		ts.Check(r.AwaitHeld(ctx, all[i].ID))
	}
}
