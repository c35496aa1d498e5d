package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// wizard: how soon a key is answered while a run reports all it can, and what a
// frame costs. Both are benchmarks of tui: the wizard on a pseudo-terminal, bytes in
// to bytes out, and its View alone.
func (b *bench) wizard() error {
	keys, err := b.wizardBench("Key", "400x")
	if err != nil {
		return err
	}
	for _, k := range keys {
		figure("wizard: key press to frame", k.of("p99-ms")+" ms p99", "median "+k.of("p50-ms")+" ms, while 13 steps report 1,000 events a second (at most 16 ms)")
	}
	views, err := b.wizardBench("View", "200x")
	if err != nil {
		return err
	}
	slowest := slices.MaxFunc(views, func(a, b benchmark) int { return int(a.ns() - b.ns()) })
	for _, v := range views {
		if v.name == slowest.name || strings.HasSuffix(v.name, "80x24") {
			figure("wizard: "+v.name, fmt.Sprintf("%.2f ms", v.ns()/1e6), "10,000 log lines, 5,000 projects (at most 1 ms)")
		}
	}
	return nil
}

// benchmark is one line of Go's own: its name, and its figures by their units.
type benchmark struct {
	name    string
	figures map[string]string
}

func (m benchmark) of(unit string) string { return m.figures[unit] }

func (m benchmark) ns() float64 {
	n, _ := strconv.ParseFloat(m.figures["ns/op"], 64)
	return n
}

var numbered = regexp.MustCompile(`-\d+$`)

// wizardBench runs one benchmark of the wizard.
func (b *bench) wizardBench(name, times string) ([]benchmark, error) {
	cmd := b.command("go", "test", "-run=^$", "-bench=^Benchmark"+name+"$", "-benchtime="+times, "./tui")
	cmd.Dir = b.root
	out, err := cmd.Output()
	if err != nil {
		return nil, said(err)
	}
	var all []benchmark
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		m := benchmark{numbered.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), ""), map[string]string{}}
		for i := 2; i+1 < len(f); i += 2 {
			m.figures[f[i+1]] = f[i]
		}
		all = append(all, m)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no benchmark %s: %s", name, out)
	}
	return all, nil
}
