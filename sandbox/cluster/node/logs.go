package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
)

const (
	logMax  = 10 << 20 // as containerd: then the file is turned over once
	lineMax = 16 << 10
)

// containerLog writes what a container says, a line each with its time, in
// the format of a container runtime.
type containerLog struct {
	mu   sync.Mutex
	path string
	f    *os.File
	size int64
}

func openLog(path string) (*containerLog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // under the cluster's folder
	if err != nil {
		return nil, err
	}
	return &containerLog{path: path, f: f}, nil
}

// copy takes lines from a stream until it ends.
func (l *containerLog) copy(stream string, r io.Reader) {
	b := bufio.NewReaderSize(r, lineMax)
	for {
		line, err := b.ReadSlice('\n')
		if len(line) > 0 {
			tag := "F"
			if errors.Is(err, bufio.ErrBufferFull) {
				tag = "P"
			}
			l.line(stream, tag, bytes.TrimSuffix(line, []byte("\n")))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (l *containerLog) line(stream, tag string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := fmt.Fprintf(l.f, "%s %s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), stream, tag, text)
	if l.size += int64(n); err != nil || l.size < logMax {
		return
	}
	if os.Rename(l.path, l.path+".1") != nil {
		return
	}
	if f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err == nil { //nolint:gosec // as above
		_ = l.f.Close()
		l.f, l.size = f, 0
	}
}

func (l *containerLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

const followPoll = 200 * time.Millisecond

// readLog gives a log as asked for. Following ends when ended says so and
// all is read.
func readLog(ctx context.Context, path string, o api.ContainerLogOpts, ended func() bool) (io.ReadCloser, error) {
	f, err := os.Open(path) //nolint:gosec // under the cluster's folder
	if err != nil {
		return nil, err
	}
	lines, rest, err := pastLines(f, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer f.Close() //nolint:errcheck // read only
		defer cancel()
		out := io.Writer(w)
		if o.LimitBytes > 0 {
			out = &limited{w: w, left: o.LimitBytes}
		}
		err := writeLines(out, lines, o.Timestamps)
		if err == nil && o.Follow {
			err = follow(ctx, f, rest, out, o.Timestamps, ended)
		}
		if errors.Is(err, errLimit) {
			err = nil
		}
		_ = w.CloseWithError(err)
	}()
	return &followed{PipeReader: r, cancel: cancel}, nil
}

type followed struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (f *followed) Close() error {
	f.cancel()
	return f.PipeReader.Close()
}

var errLimit = errors.New("limit reached")

type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		p = p[:l.left]
	}
	n, err := l.w.Write(p)
	if l.left -= n; err == nil && l.left == 0 {
		err = errLimit
	}
	return n, err
}

// pastLines are those written so far that the options leave; rest is a line
// that is not finished.
func pastLines(f *os.File, o api.ContainerLogOpts) (lines []string, rest string, err error) {
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, "", err
	}
	all := strings.SplitAfter(string(data), "\n")
	rest = all[len(all)-1]
	since := o.SinceTime
	if o.SinceSeconds > 0 {
		since = time.Now().Add(-time.Duration(o.SinceSeconds) * time.Second)
	}
	for _, line := range all[:len(all)-1] {
		stamp, _, _ := strings.Cut(line, " ")
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil && !at.Before(since) {
			lines = append(lines, line)
		}
	}
	if o.Tail > 0 && len(lines) > o.Tail {
		lines = lines[len(lines)-o.Tail:]
	}
	return lines, rest, nil
}

func writeLines(w io.Writer, lines []string, stamps bool) error {
	for _, line := range lines {
		stamp, after, _ := strings.Cut(line, " ")
		parts := strings.SplitN(after, " ", 3)
		if len(parts) < 3 {
			continue
		}
		text := parts[2]
		if parts[1] == "P" {
			text = strings.TrimSuffix(text, "\n")
		}
		if stamps {
			text = stamp + " " + text
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

func follow(ctx context.Context, f *os.File, rest string, w io.Writer, stamps bool, ended func() bool) error {
	r := bufio.NewReader(f)
	for {
		last := ended() // before reading: what was written until then is read
		for {
			part, err := r.ReadString('\n')
			rest += part
			if err != nil {
				break
			}
			if err := writeLines(w, []string{rest}, stamps); err != nil {
				return err
			}
			rest = ""
		}
		if last || !sleep(ctx, followPoll) {
			return nil
		}
	}
}
