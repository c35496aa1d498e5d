package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/state"
)

// examinedAnswers are flags and file laid over what a setup on record was answered: its names are
// not the defaults. A class's file stands for itself.
func (a *app) examinedAnswers(cmd *cobra.Command, q *answerFlags) (state.Answers, error) {
	asked, err := q.over(cmd, state.Defaults())
	if err != nil || len(q.class) > 0 {
		return asked, err
	}
	dir, err := a.recordsDir()
	if err != nil {
		return asked, err
	}
	rec, err := a.examinedRecord(dir, asked.Project)
	if err != nil || rec == nil {
		return asked, err
	}
	return q.over(cmd, rec.Answers)
}

// examinedRecord is the record that was named, or the newest of a project, of any if it is ""; nil if there is none.
func (a *app) examinedRecord(dir, project string) (*state.Record, error) {
	if a.setup != "" {
		rec, err := state.Read(dir, a.setup)
		switch {
		case errors.Is(err, state.ErrNotFound) && project != "": // one that is to be begun under this name
			return nil, nil
		case errors.Is(err, state.ErrNotFound):
			return nil, noSetup(dir, err)
		}
		return &rec, err
	}
	names, err := namesOf(dir, project)
	if err != nil {
		return nil, err
	}
	var newest *state.Record
	var unread error
	for _, name := range names {
		rec, err := state.Read(dir, name)
		switch {
		case err != nil:
			unread = err
		case newest == nil || newer(rec, *newest):
			newest = &rec
		}
	}
	if newest == nil {
		return nil, unread
	}
	if len(names) > 1 {
		fmt.Fprintf(a.Err, "signgate: of %d setups on record this is about the newest, %s; another: --setup NAME\n", len(names), newest.Name)
	}
	return newest, nil
}

// newer says whether a setup was begun after another. That is on record to the second, entries finer.
func newer(a, b state.Record) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.After(b.Created)
	}
	return lastEntry(a).After(lastEntry(b))
}

func lastEntry(rec state.Record) time.Time {
	var last time.Time
	for _, e := range rec.Entries {
		if e.Time.After(last) {
			last = e.Time
		}
	}
	return last
}
