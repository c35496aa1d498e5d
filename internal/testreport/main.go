// Command testreport runs `go test` in one or more modules and says what counts:
// the output of what failed, each skipped test with its reason, and one closing
// line. Where CI is set, a skip that the file of expected ones does not name is a failure.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is a line of `go test -json` (cmd/test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

type report struct {
	passed, failed, skipped int
	output                  map[string][]string // by package and test
	skips                   []string            // "package.Test: reason"
}

func main() {
	expect := flag.String("expect", "", "`file` of tests that may be skipped under CI, a name a line")
	flag.Parse()
	r := &report{output: map[string][]string{}}
	ok := true
	for _, run := range runs(flag.Args()) {
		if err := r.run(run); err != nil {
			fmt.Printf("go test in %s: %v\n", run.dir, err)
			ok = false
		}
	}
	for _, s := range r.skips {
		fmt.Println("skipped", s)
	}
	if stray := r.stray(*expect); len(stray) > 0 && os.Getenv("CI") != "" {
		fmt.Printf("skipped without being expected to:\n  %s\n", strings.Join(stray, "\n  "))
		ok = false
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if !ok || r.failed > 0 || r.passed == 0 {
		os.Exit(1)
	}
}

// run is one go test: its folder and its arguments.
type run struct {
	dir  string
	args []string
}

// runs splits the arguments: packages of this module, then after each "--" a folder and its packages.
func runs(args []string) []run {
	all := []run{{dir: "."}}
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			i++
			all = append(all, run{dir: args[i]})
			continue
		}
		last := &all[len(all)-1]
		last.args = append(last.args, args[i])
	}
	return all
}

func (r *report) run(one run) error {
	cmd := exec.Command("go", append([]string{"test", "-json", "-timeout=2h"}, one.args...)...)
	cmd.Dir = one.dir
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.read(out)
	return cmd.Wait()
}

func (r *report) read(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text())
			continue
		}
		r.add(e)
	}
}

func (r *report) add(e event) {
	key := e.Package + "." + e.Test
	switch e.Action {
	case "output", "build-output":
		r.output[key] = append(r.output[key], e.Output)
	case "pass":
		r.end(e, key, &r.passed)
	case "fail", "build-fail":
		fmt.Print(strings.Join(r.output[key], ""))
		r.end(e, key, &r.failed)
	case "skip":
		if e.Test != "" {
			r.skips = append(r.skips, key+": "+r.reason(key))
		}
		r.end(e, key, &r.skipped)
	}
}

// end counts a test; a package as a whole is only announced.
func (r *report) end(e event, key string, count *int) {
	delete(r.output, key)
	if e.Test != "" {
		*count++
		return
	}
	if e.Action == "fail" && e.Package != "" {
		r.failed++ // also when it failed outside any test: a panic, a build
	}
	fmt.Printf("%-5s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
}

// reason is what the test said when it was skipped.
func (r *report) reason(key string) string {
	for _, line := range slices.Backward(r.output[key]) {
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			return strings.TrimSpace(text)
		}
	}
	return "without a reason"
}

// stray lists the skips that the file does not name.
func (r *report) stray(path string) []string {
	data, _ := os.ReadFile(path)
	known := strings.Fields(string(data))
	var stray []string
	for _, s := range r.skips {
		name, _, _ := strings.Cut(s, ": ")
		if !slices.Contains(known, name) {
			stray = append(stray, s)
		}
	}
	return stray
}
