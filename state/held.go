package state

import (
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// EventsFile is the name of the file, in a setup's folder, in which the last run's
// events are kept for those who watch from another terminal.
const EventsFile = "events.jsonl"

// Held says whether another process works on the setup, and which (0 if unknown). It
// has a shared lock for a moment, which Create and Open wait out.
func Held(dir, name string) (pid int, held bool) {
	path := filepath.Join(Folder(dir, name), "lock")
	if _, err := os.Stat(path); err != nil {
		return 0, false
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if ok, err := l.TryRLock(); ok || err != nil {
		l.Close()
		return 0, false
	}
	pid, _ = holder(path)
	return pid, true
}
