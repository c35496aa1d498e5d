// Command faults has every call of a whole run fail, in every way that a cloud has: signgate
// recovers, or stops with the right problem and goes on once the fault is gone. The end is
// compared with that of an undisturbed run.
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
	only := flag.String("only", "", "the kinds of faults whose name has this `text` in it")
	call := flag.String("call", "", "the calls whose name has this `text` in it")
	jobs := flag.Int("jobs", 2, "kinds at once")
	list := flag.Bool("list", false, "say the calls and the kinds, and try none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, *bin, *only, *call, *jobs, *list)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, only, call string, jobs int, list bool) (ok bool, err error) {
	if bin, err = filepath.Abs(bin); err != nil {
		return false, err
	}
	all, err := matrix.Targets(ctx, bin)
	if err != nil {
		return false, err
	}
	var targets []string
	for _, t := range all {
		if strings.Contains(t, call) {
			targets = append(targets, t)
		}
	}
	table, out := matrix.Table(targets)
	fmt.Printf("%d calls × %d kinds of faults\n", len(targets), len(table))
	if list {
		say(targets, table)
		return true, nil
	}
	u, err := matrix.Reference(ctx, bin)
	if err != nil {
		return false, err
	}
	var trials []matrix.Trial
	for _, f := range table {
		if strings.Contains(f.Name, only) && len(f.Targets) > 0 {
			trials = append(trials, f)
		}
	}
	sum := &sum{out: out}
	matrix.All(ctx, bin, u.State, trials, jobs, sum.add)
	sum.print()
	return sum.failed == 0 && ctx.Err() == nil, ctx.Err()
}

func say(targets []string, table []*matrix.Faults) {
	for _, t := range targets {
		fmt.Println(t)
	}
	for _, f := range table {
		fmt.Printf("%-18s may stop at %s\n", f.Name, strings.Join(f.Stops, ", "))
	}
}

// sum adds up pairs of a call and a fault.
type sum struct {
	passed, failed int
	out            []string
}

func (s *sum) add(r matrix.Result) {
	matrix.Print(os.Stdout, r, "make faults ONLY=")
	f := r.Trial.(*matrix.Faults)
	if r.Err != nil {
		s.failed += len(f.Targets)
		return
	}
	runs := 0
	for _, p := range f.Pairs {
		runs = max(runs, p.Run)
		if p.Run == 0 {
			s.out = append(s.out, fmt.Sprintf("%s × %s: the call was not made in these runs", f.Name, p.Target))
			continue
		}
		s.passed++
	}
	fmt.Printf("      %d calls failed so, in %d runs\n", len(f.Pairs), runs)
}

func (s *sum) print() {
	fmt.Printf("not covered: %d\n", len(s.out))
	for _, line := range s.out {
		fmt.Println("  " + line)
	}
	fmt.Printf("%d passed, %d failed\n", s.passed, s.failed)
}
