// Command build builds the programs of others that tests and benchmarks compare
// with, each where the cache has it not.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/signgate/signgate/internal/tools"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := tools.Root()
	if err != nil {
		return err
	}
	for _, t := range tools.All() {
		path, err := tools.Build(ctx, root, t.Name, func(text string) { fmt.Fprintln(os.Stderr, "tools:", text) })
		if err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}
