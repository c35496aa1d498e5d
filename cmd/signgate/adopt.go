package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// adopt gives a record that was just begun the id of a setup whose own record is lost. Labels
// alone cannot tell a lost record from a colleague's: so it is never done unasked, and said
// where it could be meant.
func (a *app) adopt(ctx context.Context, s *session, id string, fresh bool) error {
	if id != "" && id == s.store.Record().Setup {
		return nil // it was taken over before
	}
	if id != "" && !fresh && begun(s.store.Record()) {
		return usagef("--adopt: this setup has made things of its own (its id is %s); name another: --setup NAME", s.store.Record().Setup)
	}
	if id == "" && !fresh {
		return nil
	}
	all, err := steps.WhoMade(ctx, s.Answers(), s.site.clients)
	if err != nil {
		return err
	}
	if id == "" {
		if lost, what := steps.Lost(all); lost != "" {
			fmt.Fprintf(a.Err, "signgate: %s: made by the setup %s, which is not on record here\nsigngate: hint: if that was yours and its record is lost: %s --adopt %s\n",
				what, lost, a.lineFor("apply"+a.to, s.Name()), lost)
		}
		return nil
	}
	var others []string
	for _, c := range all {
		if c.Setup == id {
			return s.store.Update(func(r *state.Record) error { r.Setup = id; return nil })
		}
		others = append(others, steps.Describe(c.On)+" carries "+c.Setup)
	}
	return usagef("--adopt: nothing by these names carries the label of setup %s%s", id, strings.Join(append([]string{""}, others...), "; "))
}
