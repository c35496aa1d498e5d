// Package journal keeps a line for every call that reaches the sandbox's Google
// Cloud: who called what on which resource, the permission that it took, how it
// ended and how long it was under way. The newest calls are in memory, all of
// them in a file that people and tools can read while it grows.
package journal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Call is one call, or one use of a permission outside a call of a Google API
// (then Method is ""). No request, answer or token is ever in it.
type Call struct {
	Time       time.Time `json:"time"`
	Host       string    `json:"host,omitempty"`
	Method     string    `json:"method,omitempty"`     // "/google.cloud.kms.v1.KeyManagementService/CreateKeyRing", or "GET /v2/…"
	Principal  string    `json:"principal,omitempty"`  // as policies name it; "" for an anonymous caller
	Permission string    `json:"permission,omitempty"` // that was evaluated, if one was
	Resource   string    `json:"resource,omitempty"`   // that it was evaluated on
	Code       string    `json:"code"`                 // "OK", "PermissionDenied": google.golang.org/grpc/codes, as words
	Millis     float64   `json:"millis"`
	Changes    bool      `json:"changes,omitempty"` // the method changes something, when it succeeds
}

const (
	kept    = 10_000   // calls in memory
	fileMax = 64 << 20 // bytes, after which the file is put aside as calls.jsonl.1
	wordMax = 400      // bytes of a caller's words
	file    = "calls.jsonl"
)

// Journal may be used by many goroutines at once.
type Journal struct {
	mu    sync.Mutex
	ring  []Call // the newest, at most kept
	next  int    // where the ring's next call goes, once it is full
	total int

	path string
	out  *os.File
	size int64
}

// Open starts a journal that appends to DIR/calls.jsonl (mode 0600), or only keeps
// calls in memory where dir is "".
func Open(dir string) (*Journal, error) {
	j := &Journal{}
	if dir == "" {
		return j, nil
	}
	j.path = filepath.Join(dir, file)
	if err := j.reopen(); err != nil {
		return nil, err
	}
	return j, nil
}

func (j *Journal) reopen() error {
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the journal of calls: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("open the journal of calls: %w", err)
	}
	j.out, j.size = f, info.Size()
	return nil
}

// Printable keeps a caller's own words on one line, fit for a terminal, and no longer than most bytes.
func Printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}

// Add notes a call. A file that cannot be written is given up without a word: no
// call fails for its line.
func (j *Journal) Add(c Call) {
	for _, word := range []*string{&c.Host, &c.Method, &c.Principal, &c.Resource} {
		*word = Printable(*word, wordMax)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.total++
	if len(j.ring) < kept {
		j.ring = append(j.ring, c)
	} else {
		j.ring[j.next] = c
		j.next = (j.next + 1) % kept
	}
	if j.out == nil {
		return
	}
	line, err := json.Marshal(c)
	if err != nil {
		return
	}
	if j.size > fileMax {
		j.rotate()
	}
	if j.out != nil {
		n, _ := j.out.Write(append(line, '\n'))
		j.size += int64(n)
	}
}

func (j *Journal) rotate() {
	j.out.Close()
	j.out = nil
	if os.Rename(j.path, j.path+".1") == nil {
		_ = j.reopen()
	}
}

// Calls are the newest calls, oldest first: at most 10,000.
func (j *Journal) Calls() []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Call, 0, len(j.ring))
	all = append(all, j.ring[j.next:]...)
	return append(all, j.ring[:j.next]...)
}

// Total counts all calls since the journal was opened.
func (j *Journal) Total() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}

// Close ends the file; calls are still kept in memory.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.out == nil {
		return nil
	}
	err := j.out.Close()
	j.out = nil
	return err
}

// Read gives the calls of a journal's file to each, oldest first, until it says
// false. A last line that is being written is left out.
func Read(r io.Reader, each func(Call) bool) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the journal of calls: %w", err)
		}
		var c Call
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("read the journal of calls: %w", err)
		}
		if !each(c) {
			return nil
		}
	}
}
