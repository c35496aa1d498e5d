package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/journal"
)

// use is what somebody did with a permission, or did not.
type use struct {
	Principal  string `json:"principal"`
	Permission string `json:"permission"`
	Granted    int    `json:"granted"`
	Denied     int    `json:"denied"`
	Idle       bool   `json:"idle,omitempty"` // held, and never needed
}

// idleShown is how many idle permissions of somebody are printed for people, by name:
// an owner has thousands.
const idleShown = 60

// printPermissions adds up the journal, what a role for this work would have to hold,
// and sets what is held beside it, which only a running sandbox knows.
func (a *app) printPermissions(ctx context.Context, dir, path string) error {
	uses, err := journaledUses(path)
	if err != nil {
		return err
	}
	r, err := sandbox.Await(ctx, dir)
	switch {
	case errors.Is(err, sandbox.ErrDown):
		fmt.Fprintf(a.Err, "signgate: the sandbox is not up: what was held and never used is not shown (%s)\n", a.sandboxLine("up"))
	case err != nil:
		return folder(err)
	default:
		held, err := r.Uses(ctx)
		if err != nil {
			return err
		}
		for _, h := range held {
			for _, p := range h.Idle {
				k := need{h.Principal, p}
				if uses[k] == nil { // else it was needed before the sandbox was started again
					uses[k] = &use{Principal: h.Principal, Permission: p, Idle: true}
				}
			}
		}
	}
	return a.printUses(uses)
}

// need is somebody's for a permission.
type need struct{ who, what string }

// journaledUses adds up a journal, which need not be there.
func journaledUses(path string) (map[need]*use, error) {
	uses := map[need]*use{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return uses, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return uses, journal.Read(f, func(c journal.Call) bool {
		if c.Permission == "" {
			return true
		}
		k := need{c.Principal, c.Permission}
		if uses[k] == nil {
			uses[k] = &use{Principal: c.Principal, Permission: c.Permission}
		}
		if c.Code == "PermissionDenied" {
			uses[k].Denied++
		} else {
			uses[k].Granted++
		}
		return true
	})
}

// printUses prints what each principal used, and then what is idle with it.
func (a *app) printUses(uses map[need]*use) error {
	all := slices.SortedFunc(maps.Values(uses), func(x, y *use) int {
		return cmp.Or(strings.Compare(x.Principal, y.Principal), compareBool(x.Idle, y.Idle), strings.Compare(x.Permission, y.Permission))
	})
	idle := map[string]int{}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	for i, u := range all {
		if a.output == "json" {
			if err := a.printJSON(u); err != nil {
				return err
			}
			continue
		}
		who := cmp.Or(u.Principal, "nobody")
		if u.Idle {
			idle[who]++
		}
		if idle[who] <= idleShown {
			fmt.Fprintf(w, "%s\t%s\t%s\n", who, u.Permission, u.words())
		}
		last := i == len(all)-1 || all[i+1].Principal != u.Principal
		if n := idle[who] - idleShown; last && n > 0 {
			fmt.Fprintf(w, "%s\t… and %d more\tnever used; --output json has them all\n", who, n)
		}
	}
	return nil
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// words say how a permission was used.
func (u *use) words() string {
	times := func(n int) string {
		if n == 1 {
			return "once"
		}
		return fmt.Sprintf("%d times", n)
	}
	switch {
	case u.Idle:
		return "never used"
	case u.Granted == 0:
		return "denied " + times(u.Denied)
	case u.Denied == 0:
		return "used " + times(u.Granted)
	}
	return "used " + times(u.Granted) + ", denied " + times(u.Denied)
}
