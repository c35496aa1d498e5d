package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signgate/signgate/sandbox/cluster/config"
)

// shelf is where a node's images outlive the cluster's process, as on a node's disk: what its
// registry has no more, and what a later build of the sandbox has replaced, runs again.
type shelf struct {
	list     string // file: the node's images by the names that pods give
	programs string // folder: their programs, by digest
}

// load gives the images of earlier lives; none where nothing was kept.
func (s shelf) load() (map[string]*Image, error) {
	have := map[string]*Image{}
	data, err := os.ReadFile(s.list)
	if errors.Is(err, fs.ErrNotExist) {
		return have, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &have)
	}
	if err != nil {
		return map[string]*Image{}, fmt.Errorf("images of an earlier life: %w", err)
	}
	for name, img := range have {
		if img == nil || img.Program != "" && !exists(img.Program) {
			delete(have, name) // it is pulled again
		}
	}
	return have, nil
}

// save writes the list anew, whole or not at all.
func (s shelf) save(have map[string]*Image) error {
	data, err := json.Marshal(have)
	if err != nil {
		return err
	}
	return config.WriteFile(s.list, data)
}

// keep puts an image's program there and gives its path: a second name for the same file where
// the file system allows, which costs no room until the program is built again; else a copy.
func (s shelf) keep(digest, program string) (string, error) {
	folder := filepath.Join(s.programs, strings.ReplaceAll(digest, ":", "-"))
	kept := filepath.Join(folder, filepath.Base(program))
	if exists(kept) {
		return kept, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	if err := os.Link(program, kept); err == nil || errors.Is(err, fs.ErrExist) { // another node of the cluster was faster
		return kept, nil
	}
	return kept, copyProgram(program, kept)
}

func copyProgram(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // named by the configuration
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.CreateTemp(filepath.Dir(to), "")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o700), out.Close()); err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		_ = os.Remove(out.Name()) // the first error is told
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
