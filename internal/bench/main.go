// Command bench prints signgate's figures, each with its unit and beside what it
// is compared with in the same run. Machines are noisy: comparisons are medians
// of whole processes run in turn, and nothing here fails for being slow.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/tools"
)

// bench is what the rows share: the binaries, a sandbox of their own, other people's tools.
type bench struct {
	ctx   context.Context
	root  string
	bin   string
	state string
	runs  int
	chart kube.Chart // that the sandbox serves, once it was asked
}

// row is one group of figures.
type row struct {
	name string
	run  func(*bench) error
}

func rows() []row {
	return []row{
		{"start", (*bench).start},
		{"inits", (*bench).inits},
		{"wizard", (*bench).wizard},
		{"engine", (*bench).engine},
		{"sandbox", (*bench).sandbox},
		{"flow", (*bench).flow},
		{"footprint", (*bench).footprint},
		{"sign", (*bench).sign},
		{"inspect", (*bench).inspect},
		{"controller", (*bench).controller},
		{"path", (*bench).path},
		{"build", (*bench).build},
	}
}

func main() {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	bin := flag.String("bin", "bin", "`folder` of the binaries")
	runs := flag.Int("runs", 5, "counted runs of each command in a comparison")
	only := flag.String("only", strings.Join(names, ","), "comma-separated `rows`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *bin, *runs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin string, runs int, only string) error {
	root, err := tools.Root()
	if err != nil {
		return err
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "signgate-bench-")
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, root: root, bin: bin, state: state, runs: runs}
	defer b.close()
	for _, r := range rows() {
		if !strings.Contains(","+only+",", ","+r.name+",") {
			continue
		}
		if err := r.run(b); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// close ends the sandbox that the rows used and removes its folder.
func (b *bench) close() {
	b.ctx = context.Background()
	if out, err := b.signgate("sandbox", "reset", "--yes").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: end the sandbox: %v\n%s", err, out)
	}
	os.RemoveAll(b.state)
}

// figure prints one row: what, how much, and what it is held against.
func figure(what, value, against string) {
	fmt.Printf("%-46s %-22s %s\n", what, value, against)
}

func say(text string) { fmt.Fprintln(os.Stderr, "bench:", text) }
