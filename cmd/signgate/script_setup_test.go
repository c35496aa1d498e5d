package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox/journal"
)

// setupCommands are what scripts about setups need besides testscript's own.
func setupCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"changed": changed, "called": called, "jsonlines": jsonLines, "edit": edit,
		"code": code, "valid": valid, "signalled": signalled, "api": api, "unprivileged": unprivileged,
		"held": held, "asked": asked,
	}
}

// calls are those that the sandbox of a state folder has on record.
func calls(ts *testscript.TestScript, state string) []journal.Call {
	data, err := os.ReadFile(ts.MkAbs(filepath.Join(state, "sandbox", "calls.jsonl")))
	if os.IsNotExist(err) {
		return nil
	}
	ts.Check(err)
	var all []journal.Call
	ts.Check(journal.Read(bytes.NewReader(data), func(c journal.Call) bool {
		all = append(all, c)
		return true
	}))
	return all
}

// changed STATE: some call has changed something since the last time it was asked.
func changed(ts *testscript.TestScript, neg bool, args []string) {
	const before = "CHANGED_BEFORE"
	seen, _ := strconv.Atoi(ts.Getenv(before))
	n, last := 0, ""
	for _, c := range calls(ts, args[0]) {
		if c.Changes && c.Code == "OK" {
			n, last = n+1, c.Method
		}
	}
	if (n > seen) == neg {
		ts.Fatalf("%d changing calls, %d before; the last is %s", n, seen, last)
	}
	ts.Setenv(before, strconv.Itoa(n))
}

// called STATE N METHOD: so many calls of a method succeeded.
func called(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	for _, c := range calls(ts, args[0]) {
		if strings.HasSuffix(c.Method, "/"+args[2]) && c.Code == "OK" {
			n++
		}
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s was called %d times, want %s", args[2], n, args[1])
	}
}

// jsonlines FILE: each line is one JSON object, and the last is a summary.
func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	var last struct {
		Type    string
		Summary *struct{ OK bool }
	}
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	for line := range strings.Lines(text) {
		last.Type, last.Summary = "", nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			ts.Fatalf("%v: %s", err, line)
		}
	}
	if last.Type != "summary" || last.Summary == nil {
		ts.Fatalf("the last line is no summary: %s", text[strings.LastIndex(text, "\n")+1:])
	}
}

// valid SCHEMA FILE: each line of the file is as docs/SCHEMA says.
func valid(ts *testscript.TestScript, _ bool, args []string) {
	root, err := tools.Root()
	ts.Check(err)
	text, err := os.ReadFile(filepath.Join(root, "docs", args[0]))
	ts.Check(err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	ts.Check(err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	ts.Check(c.AddResource(args[0], doc))
	schema, err := c.Compile(args[0])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		ts.Check(err)
		if err := schema.Validate(v); err != nil {
			ts.Fatalf("%v\n%s", err, line)
		}
	}
}

// edit FILE OLD NEW: replaces a text in a file, which must be there.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s holds no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// code N PROGRAM ARGUMENT…: the program ends with this exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	ended(ts, err, args[0])
}

func ended(ts *testscript.TestScript, err error, want string) {
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

// signalled N SIGNAL FILE TEXT PROGRAM ARGUMENT…: the program gets the signal once the
// file has the text in it, and ends with this exit code (-1: by the signal). Of INT,INT
// it gets the second once it has answered the first. Its output is in the file "output".
func signalled(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL}
	cmd := exec.Command(inPath(ts, args[4]), args[5:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	out, err := os.Create(ts.MkAbs("output"))
	ts.Check(err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	defer cmd.Process.Kill()
	file, text := args[2], args[3]
	for name := range strings.SplitSeq(args[1], ",") {
		until(ts, func() bool {
			data, err := os.ReadFile(ts.MkAbs(file))
			return err == nil && strings.Contains(string(data), text)
		})
		ts.Check(cmd.Process.Signal(signals[name]))
		file, text = "output", "again to stop now"
	}
	ended(ts, cmd.Wait(), args[0])
}
