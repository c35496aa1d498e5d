package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// full takes some writes and then no more.
type full struct {
	room int
	err  error
	got  int
}

func (f *full) Write(p []byte) (int, error) {
	if f.got == f.room {
		return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: f.err}
	}
	f.got++
	return len(p), nil
}

// Whatever a verb made of it, results that did not arrive are told of once, and no code says that all is well.
func TestResultsThatDoNotArrive(t *testing.T) {
	const told = "signgate: standard output could not be written: no space left on device\n"
	for _, c := range []struct {
		name string
		room int
		with error // of the device
		end  error // of the verb; errWrite: that of its write
		code int
		says string
	}{
		{"all arrived", 2, syscall.ENOSPC, nil, exitDone, ""},
		{"the verb did not look", 1, syscall.ENOSPC, nil, exitFailed, told},
		{"the verb looked", 0, syscall.ENOSPC, errWrite, exitFailed, told},
		{"and wrapped it", 0, syscall.ENOSPC, fmt.Errorf("print: %w", errWrite), exitFailed, told},
		{"a verdict got lost", 0, syscall.ENOSPC, codeError(exitDiffers), exitFailed, told},
		{"a difference got lost", 0, syscall.ENOSPC, errNotAsRecorded, exitFailed, told},
		{"another failure", 0, syscall.ENOSPC, usagef("no"), exitUsage, "signgate: no\nsigngate: hint: signgate --help\n" + told},
		{"nobody reads any more", 1, syscall.EPIPE, nil, exitDone, ""},
		{"nor when the verb looked", 1, syscall.EPIPE, errWrite, exitDone, ""},
	} {
		var said bytes.Buffer
		a := &app{streams: streams{Out: &results{to: &full{room: c.room, err: c.with}}, Err: &said}}
		var wrote error
		for range 2 {
			_, wrote = a.Out.Write([]byte("a line\n"))
		}
		if errors.Is(c.end, errWrite) {
			c.end = fmt.Errorf("%s%w", strings.TrimSuffix(c.end.Error(), errWrite.Error()), wrote)
		}
		if code := a.exit("signgate", c.end); code != c.code || said.String() != c.says {
			t.Errorf("%s: exit code %d, said %q", c.name, code, said.String())
		}
	}
}

var errWrite = errors.New("the write's own")
