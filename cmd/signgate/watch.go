package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
	"github.com/signgate/signgate/tui"
)

// watching is a setup that another process works on: it is read and never touched.
type watching struct {
	dir   string
	name  string
	site  *site
	steps []engine.Step

	mu  sync.Mutex
	rec state.Record
}

// Watch implements tui.Watcher.
func (b *backend) Watch(_ context.Context, name string) (tui.Session, error) {
	s, err := b.at()
	if err != nil {
		return nil, err
	}
	rec, err := state.Read(s.dir, name)
	if err != nil {
		return nil, err
	}
	return &watching{dir: s.dir, name: name, site: s, rec: rec,
		steps: steps.List(rec.Answers, s.clients, steps.Options{OutDir: state.Folder(s.dir, name), Chart: s.chart()})}, nil
}

// errReadOnly answers whatever would change something.
var errReadOnly = errors.New("another process works on this setup; here it is only watched")

func (w *watching) record() state.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec
}

// look reads the record again.
func (w *watching) look() {
	rec, err := state.Read(w.dir, w.name)
	if err != nil {
		return // removed, or just being replaced: what was read last stands
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rec = rec
}

// Name implements tui.Session, as all the exported methods do.
func (w *watching) Name() string { return w.name }

// Answers are those on record.
func (w *watching) Answers() state.Answers { return w.record().Answers }

// Entries are the journal as it was read last.
func (w *watching) Entries() []state.Entry { return w.record().Entries }

// Link is a page in Google's console.
func (w *watching) Link(e state.Entry) string { return w.site.link(w.Answers(), e.Resource) }

// Describe names a resource.
func (w *watching) Describe(e state.Entry) string { return steps.Describe(e.Resource) }

// Result is what a step makes, in a word.
func (w *watching) Result(step string) string { return steps.Result(w.record(), step) }

// Change implements tui.Session.
func (w *watching) Change(context.Context, state.Answers) error { return errReadOnly }

// Resume has nothing to go on with: that is the other's.
func (w *watching) Resume(bool) string { return "" }

// Commands are a step's.
func (w *watching) Commands(step string) []string { return commands(w.steps, step) }

// Plan is the list of steps: what the other one has planned comes with its run.
func (w *watching) Plan(context.Context) (engine.Plan, error) { return infos(w.steps), nil }

// Run follows what the other process does until it has all gone well or the other
// has let the setup go.
func (w *watching) Run(ctx context.Context, _ engine.Plan, _ tui.RunOptions, emit func(engine.Event)) error {
	t := &tail{path: filepath.Join(state.Folder(w.dir, w.name), state.EventsFile)}
	defer t.close()
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for {
		_, held := state.Held(w.dir, w.name)
		events, err := t.next(state.HeldSince(w.dir, w.name))
		if err != nil {
			return fmt.Errorf("watch setup %q: %w", w.name, err)
		}
		if len(events) > 0 {
			w.look()
		}
		for _, ev := range events {
			emit(ev)
			if ev.Type == engine.TypeSummary && ev.Summary != nil && ev.Summary.OK {
				return nil
			}
		}
		if !held {
			return engine.ErrStopped
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stop has nothing to stop: leaving ends the watching.
func (w *watching) Stop() {}

// Removals are the other's to ask for.
func (w *watching) Removals(context.Context) ([]tui.Removal, error) { return nil, errReadOnly }

// Destroy is the other's.
func (w *watching) Destroy(context.Context, func(engine.Event)) error { return errReadOnly }

// Close has nothing to let go of.
func (w *watching) Close() error { return nil }

// tail reads a tape while it is being written, and goes over to the next one when it
// is replaced.
type tail struct {
	path string
	file *os.File
	at   os.FileInfo
	rest []byte // a line that has not come to its end
}

// next is what has come since the last time, of a tape not older than since.
func (t *tail) next(since time.Time) ([]engine.Event, error) {
	if err := t.follow(since); err != nil || t.file == nil {
		return nil, err
	}
	var events []engine.Event
	buf := make([]byte, 64<<10)
	for {
		n, _ := t.file.Read(buf) // its end is no error: more may come
		if n == 0 {
			return events, nil
		}
		t.rest = append(t.rest, buf[:n]...)
		for {
			line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
			if !whole {
				break
			}
			t.rest = rest
			var ev engine.Event
			if json.Unmarshal(line, &ev) == nil {
				events = append(events, ev)
			}
		}
	}
}

// follow makes sure that the file at hand is the one that stands at the path.
func (t *tail) follow(since time.Time) error {
	at, err := os.Stat(t.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case t.at != nil && os.SameFile(t.at, at), at.ModTime().Before(since):
		return nil
	}
	t.close()
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	if at, err = f.Stat(); err != nil {
		f.Close()
		return err
	}
	t.file, t.at, t.rest = f, at, nil
	return nil
}

func (t *tail) close() {
	if t.file != nil {
		t.file.Close()
	}
}
