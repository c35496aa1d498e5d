package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// object is one of the module's YAML documents.
type object map[string]any

// objects reads a file of the module's config folder.
func objects(module, file string) ([]object, error) {
	data, err := os.ReadFile(filepath.Join(module, "config", file))
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(data), "{{") {
		return nil, fmt.Errorf("%s has braces, which Helm would take for its own", file)
	}
	var all []object
	for document := range strings.SplitSeq("\n"+string(data), "\n---") {
		var o object
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if len(o) > 0 {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s is empty", file)
	}
	return all, nil
}

// one reads a file that has one object.
func one(module, file string) (object, error) {
	all, err := objects(module, file)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("%s has %d objects, one was expected", file, len(all))
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// into follows names and positions, and puts what is there in a value of the type that
// is wanted.
func into(from any, want any, path ...any) error {
	for _, step := range path {
		ok := false
		switch at := from.(type) {
		case object:
			from, ok = at[step.(string)]
		case map[string]any:
			from, ok = at[fmt.Sprint(step)]
		case []any:
			if i, is := step.(int); is && i < len(at) {
				from, ok = at[i], true
			}
		}
		if !ok {
			return fmt.Errorf("the module has nothing at %v", path)
		}
	}
	data, err := yaml.Marshal(from)
	return errors.Join(err, yaml.Unmarshal(data, want))
}

// text is a value as YAML, so many blanks to the right.
func text(v any, indent int) (string, error) {
	data, err := yaml.Marshal(v)
	if err != nil {
		return "", err
	}
	blanks := strings.Repeat(" ", indent)
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = blanks + l
		}
	}
	return strings.Join(lines, "\n"), nil
}
