// Package disk is how the sandbox's services keep what they know: each as JSON in one
// private file, which has a version and is replaced as a whole.
package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
)

// Read reads a state, whose version is where have points to; found is false where there is
// no file. A file that is damaged, or of another version than is known, is refused and left
// as it is.
func Read(path string, state any, have *int, known int) (found bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, state); err != nil {
		return false, Damaged(path, err)
	}
	if *have != known {
		return false, fmt.Errorf("%s has version %d, this signgate knows %d", path, *have, known)
	}
	return true, nil
}

// Damaged says why a file's content makes no sense.
func Damaged(path string, err error) error { return fmt.Errorf("%s is damaged: %w", path, err) }

// Write replaces a state, whole or not at all.
func Write(path string, state any) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, data, 0o600)
}
