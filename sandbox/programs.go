package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// programs are what clusters are made of, beside signgate.
func programs() []string {
	return []string{"signgate-cluster", "policy-controller", "policy-controller-chart.tgz", "policy-controller-chart.json"}
}

// Missing are those of the programs that a folder has not, or has as something that cannot be
// run or read.
func Missing(bin string) []string {
	var out []string
	for _, name := range programs() {
		if bin == "" || !usable(filepath.Join(bin, name), filepath.Ext(name) == "") {
			out = append(out, name)
		}
	}
	return out
}

// usable says whether a file holds anything, and can be run if it is a program.
func usable(path string, program bool) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0 && (!program || info.Mode()&0o111 != 0)
}

// built are the programs that a sandbox was started with, by their files: its own too.
type built map[string]fs.FileInfo

func builtIn(bin string) built {
	files := built{}
	note := func(path string) {
		if info, err := os.Stat(path); err == nil {
			files[path] = info
		}
	}
	if own, err := os.Executable(); err == nil {
		note(own)
	}
	if bin != "" {
		for _, name := range programs() {
			if filepath.Ext(name) == "" { // the chart follows from its program
				note(filepath.Join(bin, name))
			}
		}
	}
	return files
}

// rebuilt are those whose file is another by now; what runs is the earlier one. When it was written
// says nothing: go build sets that anew where it has nothing to do.
func (b built) rebuilt() []string {
	var out []string
	for path, then := range b {
		now, err := os.Stat(path)
		if err == nil && (!os.SameFile(then, now) || now.Size() != then.Size()) {
			out = append(out, filepath.Base(path))
		}
	}
	slices.Sort(out)
	return out
}
