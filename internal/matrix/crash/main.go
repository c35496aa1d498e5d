// Command crash kills signgate before and after every call of a whole run that changes
// anything, runs it again, and compares the end with that of an undisturbed run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/signgate/signgate/internal/matrix"
)

func main() {
	bin := flag.String("bin", "bin", "`folder` of signgate and the sandbox's programs")
	only := flag.String("only", "", "the cases whose name has this `text` in it")
	sample := flag.Int("sample", 0, "only so `many` cases, drawn by -seed")
	seed := flag.Uint64("seed", 1, "`number` that draws the sample")
	jobs := flag.Int("jobs", 2, "cases at once")
	list := flag.Bool("list", false, "say the cases, and what a comparison leaves out, and try none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, *bin, *only, *sample, *seed, *jobs, *list)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, only string, sample int, seed uint64, jobs int, list bool) (ok bool, err error) {
	if bin, err = filepath.Abs(bin); err != nil {
		return false, err
	}
	u, err := matrix.Reference(ctx, bin)
	if err != nil {
		return false, err
	}
	cases := matrix.Crashes(u.Calls)
	fmt.Printf("%d calls change something: %d cases; %d values are compared after each\n", len(cases)/2, len(cases), u.State.Size())
	if list {
		say(cases)
		return true, nil
	}
	if sample > 0 {
		if cases, err = matrix.Sample(cases, seed, sample, matrix.Kinds()...); err != nil {
			return false, err
		}
		fmt.Printf("a sample of %d, by seed %d\n", len(cases), seed)
	}
	var trials []matrix.Trial
	for _, c := range cases {
		if strings.Contains(c.String(), only) {
			trials = append(trials, c)
		}
	}
	if len(trials) == 0 {
		return false, fmt.Errorf("no case has %q in its name", only)
	}
	passed, failed := matrix.All(ctx, bin, u.State, trials, jobs, func(r matrix.Result) { matrix.Print(os.Stdout, r, "make crash ONLY=") })
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return failed == 0 && ctx.Err() == nil, ctx.Err()
}

func say(cases []matrix.Crash) {
	for _, c := range cases {
		fmt.Println(c)
	}
	fmt.Println("not compared, since any two runs differ in it:")
	for _, r := range matrix.Rules() {
		fmt.Printf("  %s (%s)\n", r.Path, r.Why)
	}
}
