package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// results are standard output where it is no terminal. Verbs print line by line and do not look
// whether a line arrived: the first error is kept here, nothing is written after it, and it is
// looked at once, when the command ends.
type results struct {
	to io.Writer

	mu  sync.Mutex
	err error
}

// stdout is where verbs print their results. A terminal stays what it is: what draws on it asks for that.
func stdout() io.Writer {
	if isTerminal(os.Stdout) {
		return os.Stdout
	}
	return &results{to: os.Stdout}
}

func (r *results) Write(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		n, r.err = r.to.Write(p)
	}
	return n, r.err
}

// lost is why results did not arrive, nil if all did.
func (a *app) lost() error {
	r, ok := a.Out.(*results)
	if !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// delivered is an exit code as it is once results are accounted for: none may say that something was
// told which was not. Who reads may stop reading, so a closed pipe is no failure.
func (a *app) delivered(code int) int {
	err := a.lost()
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return code
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	fmt.Fprintf(a.Err, "signgate: standard output could not be written: %v\n", err)
	if code == exitDone || code == exitDiffers {
		return exitFailed
	}
	return code
}
