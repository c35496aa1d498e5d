package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// State is everything that a run leaves behind, leaf by leaf: what the sandbox's Google Cloud
// has on disk, every object of the cluster, the program's own record. What differs between
// any two runs has been replaced, by the rules that Rules lists.
type State struct {
	leaves map[string]string // path: value
	out    *regexp.Regexp    // paths that are not compared either; nil: none
}

// State looks at everything.
func (w *World) State(ctx context.Context) (*State, error) {
	s := &State{leaves: map[string]string{}}
	files, err := w.files()
	if err != nil {
		return nil, err
	}
	names, err := aliases(files)
	if err != nil {
		return nil, err
	}
	for name, text := range files {
		tree, err := parse(names.Replace(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.add(names.Replace(name), settled(tree))
	}
	objects, err := w.objects(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(objects)
	if err != nil {
		return nil, err
	}
	tree, err := parse(names.Replace(generated(objects).Replace(string(text))))
	if err != nil {
		return nil, err
	}
	s.add("cluster", tree)
	return s, nil
}

// files are those that the sandbox and the program keep their books in, by name, and the
// manifests in the registry.
func (w *World) files() (map[string]string, error) {
	dir := w.box.Status.Dir
	files := map[string]string{}
	for _, name := range []string{"iam.json", "kms.json", "artifacts.json", "gke/gke.json", "registry/index.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files[name] = string(data)
	}
	records, err := filepath.Glob(filepath.Join(dir, "setups", "*", "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range records {
		name, _ := filepath.Rel(dir, path)
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		switch filepath.Ext(name) {
		case ".json":
			files[name] = string(data)
		default: // cosign.pub, the lock: that they are there
			files[name] = strconv.Quote(string(data))
		}
	}
	return files, manifests(dir, files)
}

// manifests adds the registry's manifests: an image's name, tag or digest, and what it holds.
func manifests(dir string, files map[string]string) error {
	index, err := registryIndex(files)
	if err != nil {
		return err
	}
	for repo, r := range index.Repositories {
		for image, p := range r.Packages {
			for digest := range p.Versions {
				data, err := os.ReadFile(filepath.Join(dir, "registry", strings.Replace(digest, ":", "/", 1)))
				if err != nil {
					return err
				}
				files["registry/"+repo+"/"+image+"@"+digest] = string(data)
			}
		}
	}
	return nil
}

type index struct {
	Repositories map[string]struct {
		Packages map[string]struct {
			Versions map[string]any
			Tags     map[string]struct{ Digest string }
		}
	}
}

func registryIndex(files map[string]string) (index, error) {
	var all index
	err := json.Unmarshal([]byte(files["registry/index.json"]), &all)
	return all, err
}

func parse(text string) (any, error) {
	var tree any
	read := json.NewDecoder(strings.NewReader(text))
	read.UseNumber()
	return tree, read.Decode(&tree)
}

// settled brings what is a list of random names or in the order of chance into a shape that
// can be compared.
func settled(tree any) any {
	top, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	if operations := top["operations"]; operations != nil {
		top["operations"] = kinds(operations)
	}
	return top
}

// kinds counts operations: their names are random, their number must not be.
func kinds(operations any) map[string]any {
	counts := map[string]int{}
	each := func(v any) {
		op, _ := v.(map[string]any)
		shown, _ := op["shown"].(map[string]any)
		kind, _ := shown["operationType"].(string)
		state, _ := shown["status"].(string)
		counts[strings.TrimSpace("operation "+kind+" "+state)]++
	}
	switch all := operations.(type) {
	case map[string]any:
		for _, v := range all {
			each(v)
		}
	case []any:
		for _, v := range all {
			each(v)
		}
	}
	out := map[string]any{}
	for kind, n := range counts {
		out[kind] = n
	}
	return out
}

// add flattens a tree into leaves, by the rules.
func (s *State) add(path string, v any) {
	rule := ruleFor(path)
	switch {
	case rule != nil && rule.Left:
		return
	case rule != nil:
		s.put(path, "…")
		return
	}
	switch v := v.(type) {
	case nil:
	case map[string]any:
		if len(v) == 0 {
			s.put(path, "{}")
		}
		for key, one := range v {
			s.add(path+"/"+key, one)
		}
	case []any:
		if len(v) == 0 {
			s.put(path, "[]")
		}
		keys := keysOf(v)
		for i, one := range v {
			s.add(path+"/"+keys[i], one)
		}
	default:
		s.put(path, masked(fmt.Sprint(v)))
	}
}

func (s *State) put(path, value string) {
	path = masked(path)
	for n := 2; ; n++ {
		if _, taken := s.leaves[path]; !taken {
			s.leaves[path] = value
			return
		}
		if n > 2 {
			path = strings.TrimSuffix(path, "#"+strconv.Itoa(n-1))
		}
		path += "#" + strconv.Itoa(n)
	}
}

// keysOf names the members of a list: by what tells objects apart, so that their order does
// not matter, words by themselves, and all else by their place.
func keysOf(list []any) []string {
	for _, fields := range [][]string{{"kind", "name", "step"}, {"role"}, {"type"}, {"name"}, {"key"}} {
		if keys := keyedBy(list, fields); keys != nil {
			return keys
		}
	}
	keys := make([]string, len(list))
	for i, one := range list {
		keys[i] = strconv.Itoa(i)
		if word, ok := one.(string); ok {
			keys[i] = word
		}
	}
	return keys
}

// keyedBy gives nil where the fields do not tell the objects apart.
func keyedBy(list []any, fields []string) []string {
	var keys []string
	for _, one := range list {
		object, _ := one.(map[string]any)
		var words []string
		for _, f := range fields {
			word, ok := object[f].(string)
			if !ok {
				return nil
			}
			words = append(words, word)
		}
		key := strings.Join(words, " ")
		if slices.Contains(keys, key) {
			return nil
		}
		keys = append(keys, key)
	}
	return keys
}
