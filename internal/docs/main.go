// Command docs writes the pages and schemas in docs/ that follow from the code: the
// steps, the problems, the record's format, the config file and the events. What
// they say is taken from the types, their comments and the tables that the program
// itself works from; a test holds the files to what this command would write.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "`folder` of the checkout")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintf(os.Stderr, "docs: %v\n", err)
		os.Exit(1)
	}
}

func write(root string) error {
	pages, err := pages(root)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if err := os.WriteFile(filepath.Join(root, "docs", p.name), p.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// page is one file in docs/.
type page struct {
	name string
	text []byte
}

// pages are all that is generated.
func pages(root string) ([]page, error) {
	src, err := parse(root, "state", "internal/engine", "internal/problem", "steps")
	if err != nil {
		return nil, err
	}
	var all []page
	for _, make := range []struct {
		name string
		text func(source) ([]byte, error)
	}{
		{"steps.md", stepsPage}, {"problems.md", problemsPage}, {"state.md", statePage},
		{"setup.schema.json", setupSchema}, {"events.schema.json", eventsSchema},
	} {
		text, err := make.text(src)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", make.name, err)
		}
		all = append(all, page{make.name, text})
	}
	return all, nil
}
